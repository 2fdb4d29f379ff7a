// Package rediszone keeps zones in Redis, where the processes of several
// machines share them. A [Store] does what package zone's does, over the
// multiplexed client of package redis.
//
// # How a zone looks in Redis
//
// Each key of the zone is a key of Redis, with the zone's name before it:
//
//	{phasm:zone:NAME}KEY
//
// The braces put all keys of a zone into one slot of a cluster: so its keys
// can be listed. A list is a list. Texts, floats and booleans stand there as
// zone.Value encodes them, integers as decimal digits, which Redis itself can
// add to without losing a bit. What a key counts by Hold is a sorted set of
// leases: Get answers a list's error for it, and it is gone half a minute after
// those who held it have died.
//
// # What is different
//
// Redis decides what it evicts (maxmemory-policy), and deletes by itself what
// has expired: there is nothing stale, nothing to flush of that kind, and a
// write that finds no room is zone.ErrNoMemory. How large a zone is nobody
// counts. An operation that fails because Redis is away may have been done.
package rediszone

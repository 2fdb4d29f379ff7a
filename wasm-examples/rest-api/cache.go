package main

import "phasm/sdk"

// The cache has the list of users as it is answered. It is no reason to fail:
// without it the store is asked each time.
const listKey = "users:all"

var (
	cache *sdk.Redis
	ttl   string // of the list, in seconds
)

// cached is the list, nil where the cache has none.
func cached() []byte {
	reply, err := cache.Do("GET", listKey)
	if err == nil {
		err = reply.Err()
	}
	if err != nil {
		sdk.Warn("cannot read the cache: " + err.Error())
		return nil
	}
	if reply.IsNil() {
		return nil
	}
	return []byte(reply.Str())
}

func keep(users []byte) { change("fill", "SETEX", listKey, ttl, string(users)) }

// forget takes the list out, which has become old. Where that fails it is old
// for as long as it lives.
func forget() { change("empty", "DEL", listKey) }

func change(verb string, args ...string) {
	reply, err := cache.Do(args...)
	if err == nil {
		err = reply.Err()
	}
	if err != nil {
		sdk.Warn("cannot " + verb + " the cache: " + err.Error())
	}
}

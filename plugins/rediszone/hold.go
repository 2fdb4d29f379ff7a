package rediszone

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"phasm/plugins/zone"
)

// leaseTime is how long a count stands that nobody renews: what a process
// leaves behind that dies, or that cannot reach Redis at a request's end.
const leaseTime = 30 * time.Second

// leases are the counts that a store holds. In Redis the counts of a key are a
// sorted set, whose members are tickets and whose scores say until when each
// counts, in milliseconds of Redis' own clock. Most requests are over long
// before; the leases of the others are renewed.
type leases struct {
	time time.Duration // of one
	name string        // begins all tickets of this store

	mu      sync.Mutex
	last    uint64            // ticket
	held    map[uint64]string // the keys of those that are held
	renewed bool              // a timer is set that renews
}

func newLeases() *leases {
	return &leases{time: leaseTime, name: rand.Text() + " ", held: map[uint64]string{}}
}

// ticket is how a lease is called in Redis.
func (l *leases) ticket(number uint64) string { return l.name + strconv.FormatUint(number, 36) }

// milliseconds is how long a lease lasts.
func (l *leases) milliseconds() string { return strconv.FormatInt(l.time.Milliseconds(), 10) }

// holdScript counts one more: KEYS[1], how many may be, the lease's time, the
// ticket. It answers the count, or 0 where there are too many.
const holdScript = `
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local count = redis.call('ZCARD', KEYS[1])
if count >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return count + 1`

// renewScript gives tickets that still count more time: KEYS[1], the lease's
// time, the tickets.
const renewScript = `
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], ARGV[i]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])`

// Hold implements zone.Store. Where the answer is lost the count stands for as
// long as a lease.
func (s *Store) Hold(ctx context.Context, key []byte, most int) (n int, ticket uint64, err error) {
	if most < 1 {
		return 0, 0, zone.ErrBadArgument
	}
	l := s.leases
	l.mu.Lock()
	l.last++
	ticket = l.last
	l.mu.Unlock()
	r, err := s.run(ctx, holdScript, key, strconv.Itoa(most), l.milliseconds(), l.ticket(ticket))
	switch {
	case err == errWrongType:
		return 0, 0, zone.ErrNotNumber
	case err != nil:
		return 0, 0, err
	case r.number == 0:
		return 0, 0, zone.ErrBusy
	}
	s.keep(ticket, string(key))
	return int(r.number), ticket, nil
}

// Release implements zone.Store.
func (s *Store) Release(ctx context.Context, key []byte, ticket uint64) error {
	l := s.leases
	l.mu.Lock()
	delete(l.held, ticket)
	l.mu.Unlock()
	_, err := s.do(ctx, "ZREM", key, l.ticket(ticket))
	return err
}

// keep has a lease renewed until it is released.
func (s *Store) keep(ticket uint64, key string) {
	l := s.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[ticket] = key
	if !l.renewed {
		l.renewed = true
		time.AfterFunc(l.time/3, s.renew)
	}
}

// renew renews all leases, and sees to it that it is called again while there
// are any. A Redis that does not answer is asked twice more before they end. A
// key that somebody has put something else into has no leases any more.
func (s *Store) renew() {
	l := s.leases
	l.mu.Lock()
	tickets := map[string][]string{} // by their keys
	for ticket, key := range l.held {
		tickets[key] = append(tickets[key], l.ticket(ticket))
	}
	l.mu.Unlock()
	for key, all := range tickets {
		_, err := s.run(context.Background(), renewScript, []byte(key), append([]string{l.milliseconds()}, all...)...)
		if err != nil && err != errWrongType {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed = len(l.held) > 0; l.renewed {
		time.AfterFunc(l.time/3, s.renew)
	}
}

package rediszone

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/redis/redistest"
	"phasm/plugins/zone"
)

// leasing is a zone whose leases last for that long.
func leasing(t *testing.T, server *redistest.Server, d time.Duration) *Store {
	t.Helper()
	s := New(connect(t, server.Address, func(o *redis.Options) { o.Timeout = 5 * time.Second }), "z")
	s.leases.time = d
	return s
}

// What is held stays so for longer than a lease; what a process has left
// behind that does not live any more ends with its lease.
func TestLeases(t *testing.T) {
	server := redistest.Start(t)
	ctx, key := context.Background(), []byte("k")
	const lease = 500 * time.Millisecond
	alive, dead := leasing(t, server, lease), leasing(t, server, lease)
	hold := func(s *Store, most int) error {
		_, _, err := s.Hold(ctx, key, most)
		return err
	}
	if err := hold(alive, 2); err != nil {
		t.Fatal(err)
	}
	_, ticket, err := dead.Hold(ctx, key, 2)
	if err != nil {
		t.Fatal(err)
	}
	// It dies: nobody renews any more.
	dead.leases.mu.Lock()
	delete(dead.leases.held, ticket)
	dead.leases.mu.Unlock()

	begin := time.Now()
	for err = hold(dead, 2); err == zone.ErrBusy && time.Since(begin) < 20*time.Second; err = hold(dead, 2) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("after %v: %v", time.Since(begin), err)
	}
	for begin := time.Now(); time.Since(begin) < 3*lease; time.Sleep(10 * time.Millisecond) {
		if err := hold(alive, 2); err != zone.ErrBusy {
			t.Fatalf("after %v: %v", time.Since(begin), err)
		}
	}
}

// A count that could not be released, because Redis was silent, ends by
// itself.
func TestReleaseWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	ctx, key := context.Background(), []byte("k")
	s := leasing(t, server, 300*time.Millisecond)
	_, ticket, err := s.Hold(ctx, key, 1)
	if err != nil {
		t.Fatal(err)
	}
	server.Pause()
	within, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Release(within, key, ticket); err == nil {
		t.Error("a silent Redis has released it")
	}
	server.Resume()
	begin := time.Now()
	for _, _, err = s.Hold(ctx, key, 1); err != nil && time.Since(begin) < 20*time.Second; _, _, err = s.Hold(ctx, key, 1) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Error(err)
	}
}

// A key that somebody has put something else into keeps no other lease from
// being renewed.
func TestRenewDespiteOthers(t *testing.T) {
	server := redistest.Start(t)
	s := leasing(t, server, time.Minute)
	ctx := context.Background()
	const keys = 20
	hold := func(n int) {
		if _, _, err := s.Hold(ctx, fmt.Append(nil, "k", n), 1); err != nil {
			t.Fatal(err)
		}
	}
	for n := range keys {
		hold(n)
		server.Do("PEXPIRE", s.prefix+fmt.Sprint("k", n), "50000")
		if n%2 == 0 {
			server.Do("SET", s.prefix+fmt.Sprint("k", n), "other", "KEEPTTL")
		}
	}
	s.renew()
	for n := range keys {
		left := server.Do("PTTL", s.prefix+fmt.Sprint("k", n))
		if ms, err := strconv.Atoi(strings.TrimPrefix(left, ":")); err != nil || n%2 == 1 && ms <= 50000 {
			t.Errorf("key %d has %s ms left", n, left)
		}
	}
}

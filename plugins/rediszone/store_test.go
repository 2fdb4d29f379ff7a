package rediszone

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/redis/redistest"
	"phasm/plugins/zone"
	"phasm/plugins/zone/zonetest"
)

// connect makes a client, until the test ends.
func connect(t testing.TB, address string, with ...func(*redis.Options)) *redis.Client {
	t.Helper()
	o := redis.Options{Addresses: []string{address}}
	for _, change := range with {
		change(&o)
	}
	c, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// age takes from the time that each key has left, as if it had passed.
const age = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    if left <= tonumber(ARGV[1]) then redis.call('DEL', key) else redis.call('PEXPIRE', key, left - tonumber(ARGV[1])) end
  end
end`

// The zone does what one in the process does, in the words of the same table.
func TestStore(t *testing.T) {
	server := redistest.Start(t)
	client := connect(t, server.Address)
	zonetest.Run(t, func(t testing.TB, _ int64) (zone.Store, func(time.Duration)) {
		server.Do("FLUSHALL")
		return New(client, "z*[a]"), func(d time.Duration) {
			if got := server.Do("EVAL", age, "0", milli(d)); strings.HasPrefix(got, "ERR") {
				t.Fatal(got)
			}
		}
	})
}

func milli(d time.Duration) string {
	ms, _ := milliseconds(d)
	return ms
}

// Two zones on one Redis know nothing of each other, and what others keep there
// is left alone.
func TestZonesAreApart(t *testing.T) {
	server := redistest.Start(t)
	client := connect(t, server.Address)
	ctx := context.Background()
	a, b := New(client, "a"), New(client, "b")
	server.Do("SET", "a", "mine")
	for _, s := range []*Store{a, b} {
		if _, err := s.Set(ctx, zone.Add, []byte("k"), zone.IntOf(1), 0); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := a.Flush(ctx); n != 1 || err != nil {
		t.Errorf("flushed %d, %v", n, err)
	}
	if v, err := b.Get(ctx, nil, []byte("k")); err != nil || v.Int() != 1 {
		t.Errorf("the other zone has %v, %v", v, err)
	}
	if got := server.Do("GET", "a"); got != "mine" {
		t.Errorf("what others keep is %q", got)
	}
}

// Operations are atomic between clients: no count is lost, of integers or of
// floats.
func TestCountsOfTwoProcesses(t *testing.T) {
	server := redistest.Start(t)
	ctx := context.Background()
	const each = 200
	var counting sync.WaitGroup
	for range 2 {
		s := New(connect(t, server.Address), "z")
		for range 4 {
			counting.Go(func() {
				for range each {
					for key, delta := range map[string]zone.Value{"n": zone.IntOf(1), "f": zone.FloatOf(0.5)} {
						if _, _, err := s.Incr(ctx, []byte(key), delta, zone.IntOf(0), time.Minute); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
	}
	counting.Wait()
	s := New(connect(t, server.Address), "z")
	if v, err := s.Get(ctx, nil, []byte("n")); err != nil || v.Int() != 8*each {
		t.Errorf("n is %v, %v", v.Int(), err)
	}
	if v, err := s.Get(ctx, nil, []byte("f")); err != nil || v.Float() != 4*each {
		t.Errorf("f is %v, %v", v.Float(), err)
	}
}

// A value that the client keeps is asked for anew when another has changed it.
func TestReadsAreCached(t *testing.T) {
	server := redistest.Start(t)
	ctx := context.Background()
	reader := New(connect(t, server.Address, func(o *redis.Options) { o.Cache = 1 << 20 }), "z")
	writer := New(connect(t, server.Address), "z")
	for n := range int64(3) {
		if _, err := writer.Set(ctx, zone.Set, []byte("k"), zone.IntOf(n), 0); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
			v, err := reader.Get(ctx, nil, []byte("k"))
			if err != nil {
				t.Fatal(err)
			}
			if v.Int() == n {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the reader still has %d, it is %d", v.Int(), n)
			}
		}
	}
	before := server.Do("INFO", "commandstats")
	for range 100 {
		if _, err := reader.Get(ctx, nil, []byte("k")); err != nil {
			t.Fatal(err)
		}
	}
	if calls := getCalls(t, server.Do("INFO", "commandstats")) - getCalls(t, before); calls > 1 {
		t.Errorf("100 reads have asked Redis %d times", calls)
	}
}

// getCalls is how many GETs there have been.
func getCalls(t *testing.T, stats string) (n int) {
	t.Helper()
	_, rest, found := strings.Cut(stats, "cmdstat_get:calls=")
	if !found {
		t.Fatalf("no GET among %q", stats)
	}
	for _, digit := range rest {
		if digit < '0' || digit > '9' {
			break
		}
		n = 10*n + int(digit-'0')
	}
	return n
}

// A Redis without room, and one that is away, are errors in time.
func TestTroubleOfRedis(t *testing.T) {
	server := redistest.Start(t)
	ctx := context.Background()
	s := New(connect(t, server.Address, func(o *redis.Options) { o.Timeout = 300 * time.Millisecond }), "z")
	server.Do("CONFIG", "SET", "maxmemory", "1")
	if _, err := s.Set(ctx, zone.Set, []byte("k"), zone.IntOf(1), 0); err != zone.ErrNoMemory {
		t.Errorf("without room: %v", err)
	}
	if _, _, err := s.Incr(ctx, []byte("k"), zone.IntOf(1), zone.IntOf(0), 0); err != zone.ErrNoMemory {
		t.Errorf("without room: %v", err)
	}
	server.Do("CONFIG", "SET", "maxmemory", "0")
	server.Pause()
	begin := time.Now()
	if _, err := s.Get(ctx, nil, []byte("k")); err == nil || errors.Is(err, zone.ErrNotFound) {
		t.Errorf("while it is silent: %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the error took %v", took)
	}
	server.Resume()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := s.Set(ctx, zone.Set, []byte("k"), zone.IntOf(1), 0); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not recover")
		}
	}
}

// A key in its last millisecond does not live forever.
func TestTTLOfTheLastMillisecond(t *testing.T) {
	server := redistest.Start(t)
	s := New(connect(t, server.Address), "z")
	ctx, key := context.Background(), []byte("k")
	for range 50 {
		if _, err := s.Set(ctx, zone.Set, key, zone.IntOf(1), 2*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		for {
			left, err := s.TTL(ctx, key)
			if err == zone.ErrNotFound {
				break
			}
			if err != nil || left <= 0 {
				t.Fatalf("%v are left, %v", left, err)
			}
		}
	}
}

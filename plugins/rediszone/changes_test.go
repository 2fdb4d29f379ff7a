package rediszone

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/redis/redistest"
	"phasm/plugins/zone"
)

// Where the client keeps values, whoever has changed one reads what it is now.
func TestOwnChangesAreRead(t *testing.T) {
	server := redistest.Start(t)
	s := New(connect(t, server.Address, func(o *redis.Options) { o.Cache, o.Timeout = 1<<20, 20*time.Second }), "z")
	ctx := t.Context()
	var running sync.WaitGroup
	for n := range 4 {
		running.Go(func() {
			key := fmt.Append(nil, "k", n)
			expect := func(what string, want int64, fails error) {
				v, err := s.Get(ctx, nil, key)
				if err != fails || err == nil && v.Int() != want {
					t.Errorf("after %s: %v, %v, want %d", what, v, err, want)
				}
			}
			for i := range int64(500) {
				s.Set(ctx, zone.Set, key, zone.IntOf(i), 0)
				expect("Set", i, nil)
				expect("Get", i, nil)
				s.Incr(ctx, key, zone.IntOf(1), zone.Value{}, 0)
				expect("Incr", i+1, nil)
				expect("Get", i+1, nil)
				s.CompareAndSwap(ctx, key, zone.IntOf(i+1), zone.IntOf(-i), 0)
				expect("CompareAndSwap", -i, nil)
				expect("Get", -i, nil)
				s.Delete(ctx, key)
				expect("Delete", 0, zone.ErrNotFound)
			}
		})
	}
	running.Wait()
}

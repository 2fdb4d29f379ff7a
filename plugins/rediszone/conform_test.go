package rediszone

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
	"phasm/plugins/zone"
)

// Whatever is done, in whatever order and with values of whatever kind, has the
// same outcome as in a zone in this process.
func TestAsInMemory(t *testing.T) {
	server := redistest.Start(t)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	ctx := context.Background()
	here, there := zone.New(4<<20), New(connect(t, server.Address), "z")
	values := []zone.Value{
		zone.TextOf(nil), zone.TextOf([]byte("text")), zone.TextOf([]byte("7")), zone.TextOf([]byte("-7\n")), zone.TextOf([]byte{1, 55}), zone.TextOf([]byte{0}),
		zone.IntOf(0), zone.IntOf(-7), zone.IntOf(math.MaxInt64), zone.IntOf(math.MinInt64), zone.IntOf(1 << 53), zone.IntOf(1<<53 + 1), zone.IntOf(3546132130865152),
		zone.FloatOf(0), zone.FloatOf(math.Copysign(0, -1)), zone.FloatOf(7), zone.FloatOf(0.1), zone.FloatOf(math.NaN()), zone.FloatOf(math.Inf(-1)), zone.FloatOf(1e308),
		zone.BoolOf(true), zone.BoolOf(false), {},
	}
	keys := []string{"a", "b", "c", "", "\x00", string(make([]byte, zone.MaxKey)), string(make([]byte, zone.MaxKey+1))}
	ttls := []time.Duration{0, 0, 0, time.Hour, 1000 * time.Hour, math.MaxInt64, -1}
	for range 10000 {
		key, v, w, ttl := []byte(keys[int(math.Abs(r.NormFloat64())*1.5)%len(keys)]), values[r.IntN(len(values))], values[r.IntN(len(values))], ttls[r.IntN(len(ttls))]
		mode, end, room, what := zone.Mode(r.IntN(6)), zone.End(r.IntN(3)), r.IntN(12), r.IntN(14)
		do := func(s zone.Store) (did, outcome string) {
			switch what {
			case 0, 1:
				_, err := s.Set(ctx, mode, key, v, ttl)
				return fmt.Sprint("Set ", mode, show(v), ttl), fmt.Sprint(err)
			case 2, 3:
				got, err := s.Get(ctx, nil, key)
				return "Get", fmt.Sprint(show(got), err)
			case 4, 5:
				got, _, err := s.Incr(ctx, key, v, w, ttl)
				return fmt.Sprint("Incr ", show(v), show(w), ttl), fmt.Sprint(show(got), err)
			case 6, 7:
				old := v
				if r := uint(room) % 3; r > 0 {
					if now, err := s.Get(ctx, nil, key); err == nil {
						old = now
					}
				}
				return fmt.Sprint("CompareAndSwap ", show(old), show(w), ttl), fmt.Sprint(s.CompareAndSwap(ctx, key, old, w, ttl))
			case 8:
				return "Delete", fmt.Sprint(s.Delete(ctx, key))
			case 9:
				left, err := s.TTL(ctx, key)
				if err == nil && left != 0 {
					left = left.Round(time.Minute)
				}
				return "TTL", fmt.Sprint(left, err)
			case 10:
				return fmt.Sprint("Expire ", ttl), fmt.Sprint(s.Expire(ctx, key, ttl))
			case 11:
				n, err := s.Push(ctx, key, end, v)
				return fmt.Sprint("Push ", end, show(v)), fmt.Sprint(n, err)
			case 12:
				got, err := s.Pop(ctx, nil, key, end, room)
				return fmt.Sprint("Pop ", end, room), fmt.Sprint(show(got), err)
			}
			n, err := s.Len(ctx, key)
			return "Len", fmt.Sprint(n, err)
		}
		did, want := do(here)
		if _, got := do(there); got != want {
			t.Fatalf("seed %d: %s of %.10q: in memory %s, in Redis %s", seed, did, key, want, got)
		}
	}
}

func show(v zone.Value) string { return fmt.Sprintf("%x", v.Append(nil)) }

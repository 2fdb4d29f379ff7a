package zone_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phasm/plugins/zone"
)

// TestHammer has many goroutines at one zone that is too small for what they
// put in, while its size changes.
func TestHammer(t *testing.T) {
	z := zone.New(4 << 20) // four shards
	ctx := context.Background()
	var sum atomic.Int64
	var workers sync.WaitGroup
	for worker := range 16 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 2))
			var dst [64]byte
			for range 3000 {
				k := fmt.Appendf(nil, "key %d", r.IntN(2000))
				v := zone.TextOf([]byte(strings.Repeat(string('a'+byte(r.IntN(26))), r.IntN(6000))))
				switch r.IntN(12) {
				case 0:
					z.Push(ctx, k, zone.Right, v)
				case 1:
					z.Pop(ctx, dst[:0], k, zone.Left, 1<<30)
				case 2:
					z.Delete(ctx, k)
				case 3:
					z.CompareAndSwap(ctx, k, zone.Value{}, v, time.Millisecond)
				case 4:
					z.Set(ctx, zone.SafeSet, k, v, time.Millisecond)
				case 5:
					z.FlushExpired(ctx, 10)
				case 6:
					if r.IntN(20) == 0 {
						z.Resize(int64(2+r.IntN(3)) << 20)
						z.Keys(ctx, nil, 0)
					}
				case 7, 8:
					if v, err := z.Get(ctx, dst[:0], k); err == nil && v.Kind == zone.Text && strings.Trim(string(v.Text()), string(v.Text()[:min(1, len(v.Text()))])) != "" {
						t.Errorf("torn value %.50q", v.Text())
					}
				case 9:
					// This key is used too often to be evicted.
					if _, _, err := z.Incr(ctx, []byte("sum"), zone.IntOf(1), zone.IntOf(0), 0); err == nil {
						sum.Add(1)
					}
				default:
					z.Set(ctx, zone.Set, k, v, time.Duration(r.IntN(2))*time.Millisecond)
				}
			}
		})
	}
	workers.Wait()
	if problems := z.Check(); len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
	if f := z.Figures(); f.Used > f.Capacity || f.Evictions == 0 || f.Hits == 0 || f.Misses == 0 {
		t.Errorf("figures %+v", f)
	}
	if v, err := z.Get(ctx, nil, []byte("sum")); err == nil && v.Int() > sum.Load() {
		t.Errorf("%d increments make %d", sum.Load(), v.Int())
	}
}

// TestIncrLosesNothing counts from many goroutines.
func TestIncrLosesNothing(t *testing.T) {
	z := zone.New(zone.MinSize)
	ctx := context.Background()
	var workers sync.WaitGroup
	var added atomic.Int64
	for range 8 {
		workers.Go(func() {
			for range 2000 {
				z.Incr(ctx, []byte("n"), zone.IntOf(1), zone.IntOf(0), time.Hour)
			}
			if _, err := z.Set(ctx, zone.Add, []byte("once"), zone.BoolOf(true), 0); err == nil {
				added.Add(1)
			} else if !errors.Is(err, zone.ErrExists) {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if v, err := z.Get(ctx, nil, []byte("n")); err != nil || v.Int() != 16_000 {
		t.Errorf("16000 increments make %d, %v", v.Int(), err)
	}
	if added.Load() != 1 {
		t.Errorf("a key was added %d times", added.Load())
	}
}

// TestHoldKeepsToTheLimit holds from many goroutines, never more at once than
// may be.
func TestHoldKeepsToTheLimit(t *testing.T) {
	const most = 5
	z := zone.New(zone.MinSize)
	ctx, key := context.Background(), []byte("h")
	var inside atomic.Int64
	var workers sync.WaitGroup
	for worker := range 8 {
		workers.Go(func() {
			for range 2000 {
				n, ticket, err := z.Hold(ctx, key, most)
				if err != nil {
					if err != zone.ErrBusy {
						t.Error(err)
					}
					continue
				}
				if now := inside.Add(1); n > most || now > most {
					t.Errorf("worker %d is number %d of %d", worker, n, now)
				}
				inside.Add(-1)
				z.Release(ctx, key, ticket)
			}
		})
	}
	workers.Wait()
	if _, err := z.Get(ctx, nil, key); err != zone.ErrNotFound {
		t.Errorf("the count is still there: %v", err)
	}
}

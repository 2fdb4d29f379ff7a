package memory

import (
	"math"
	"sync"
	"testing"
)

func TestBudgetTakesAllOrNothing(t *testing.T) {
	for _, test := range []struct {
		limit int64
		used  int64
		take  uint64
		want  bool
	}{
		{0, 0, 0, true},
		{0, 0, 1, false},
		{-1, 0, 1, false},
		{10, 0, 10, true},
		{10, 0, 11, false},
		{10, 10, 0, true},
		{10, 9, 2, false},
		{math.MaxInt64, math.MaxInt64 - 1, 1, true},
		{math.MaxInt64, math.MaxInt64 - 1, 2, false},
	} {
		b := NewBudget(test.limit)
		b.used.Store(test.used)
		want := test.used
		if test.want {
			want += int64(test.take)
		}
		if got := b.take(test.take); got != test.want || b.Used() != want || b.Limit() != test.limit {
			t.Errorf("of %d with %d used, %d more: %v, used %d, limit %d", test.limit, test.used, test.take, got, b.Used(), b.Limit())
		}
	}
}

func TestBudgetHammer(t *testing.T) {
	const pages = 10
	each(t, func(t *testing.T, k kind) {
		b := NewBudget(pages * pageSize)
		first := k.memory(t, plenty(), nil, 1, 1)
		image := k.imageOf(t, first)
		var memories, watch sync.WaitGroup
		done := make(chan struct{})
		watch.Go(func() {
			for {
				if used := b.Used(); used < 0 || used > b.Limit() {
					t.Errorf("%d of %d bytes are used", used, b.Limit())
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		for i := range uint64(4) {
			memories.Go(func() {
				for round := range uint64(200) {
					m, err := New(b, image, 8*pageSize)
					if err != nil {
						t.Error(err)
						return
					}
					for size := m.Size(); size <= 8*pageSize; size += (1 + (i+round)%3) * pageSize {
						if bytes := m.Reallocate(size); bytes != nil && size > 0 {
							bytes[size-1]++
						}
					}
					if round%2 == 0 {
						if err := m.Reset(); err != nil {
							t.Error(err)
						}
					}
					m.Free()
				}
			})
		}
		memories.Wait()
		close(done)
		watch.Wait()
		if b.Used() != 0 {
			t.Errorf("%d bytes are used in the end", b.Used())
		}
	})
}

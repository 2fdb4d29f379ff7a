package pool

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counted makes a pool of numbers and counts what is alive.
func counted(size int, wait time.Duration) (*Bounded[int], *atomic.Int64) {
	alive := new(atomic.Int64)
	var next atomic.Int64
	return NewBounded(Options[int]{
		Size: size, Wait: wait,
		New:   func() (int, error) { alive.Add(1); return int(next.Add(1)), nil },
		Close: func(int) { alive.Add(-1) },
	}), alive
}

func TestLastUsedFirst(t *testing.T) {
	p, _ := counted(2, 0)
	a, _ := p.Get()
	b, _ := p.Get()
	p.Put(a)
	p.Put(b)
	if got, _ := p.Get(); got != b {
		t.Errorf("got %d, want the one used last, %d", got, b)
	}
}

func TestBusyAfterTheWait(t *testing.T) {
	p, _ := counted(1, time.Millisecond)
	p.Get()
	if _, err := p.Get(); err != ErrBusy {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
	if s := p.Stats(); s != (Stats{InUse: 1, Waits: 1, Busy: 1}) {
		t.Errorf("stats are %+v", s)
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	p, _ := counted(1, time.Minute)
	v, _ := p.Get()
	order := make(chan int, 3)
	var done sync.WaitGroup
	for i := range 3 {
		done.Go(func() {
			v, err := p.Get()
			if err != nil {
				t.Error(err)
			}
			order <- i
			p.Put(v)
		})
		for p.Stats().Waiting != i+1 {
			time.Sleep(time.Microsecond) // until the goroutine stands in the queue
		}
	}
	p.Put(v)
	done.Wait()
	for want := range 3 {
		if got := <-order; got != want {
			t.Errorf("waiter %d was served in place %d", got, want)
		}
	}
}

func TestDiscardMakesRoomForAWaiter(t *testing.T) {
	p, alive := counted(1, time.Minute)
	first, _ := p.Get()
	got := make(chan int)
	go func() { v, _ := p.Get(); got <- v }()
	for p.Stats().Waiting != 1 {
		time.Sleep(time.Microsecond)
	}
	p.Discard(first)
	if v := <-got; v == first {
		t.Error("the discarded value was handed out again")
	}
	if alive.Load() != 1 {
		t.Errorf("%d alive, want 1", alive.Load())
	}
}

func TestFailedNewGivesItsPlaceUp(t *testing.T) {
	broken := errors.New("broken")
	fail := true
	p := NewBounded(Options[int]{Size: 1, Close: func(int) {}, New: func() (int, error) {
		if fail {
			return 0, broken
		}
		return 7, nil
	}})
	if _, err := p.Get(); err != broken {
		t.Fatalf("got %v", err)
	}
	fail = false
	if v, err := p.Get(); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	p, alive := counted(3, time.Minute)
	a, _ := p.Get()
	b, _ := p.Get()
	c, _ := p.Get()
	p.Put(b)
	p.Put(c)
	p.Get()
	p.Get()
	failed := make(chan error)
	go func() { _, err := p.Get(); failed <- err }()
	for p.Stats().Waiting != 1 {
		time.Sleep(time.Microsecond)
	}
	p.Close()
	if err := <-failed; err != ErrClosed {
		t.Errorf("a waiter got %v", err)
	}
	p.Put(a)
	p.Put(b)
	p.Discard(c)
	if alive.Load() != 0 {
		t.Errorf("%d are still alive", alive.Load())
	}
	if _, err := p.Get(); err != ErrClosed {
		t.Errorf("got %v after Close", err)
	}
}

func TestHammer(t *testing.T) {
	const size = 3
	p, alive := counted(size, time.Minute)
	var inUse atomic.Int64
	var done sync.WaitGroup
	for range 16 {
		done.Go(func() {
			for i := range 500 {
				v, err := p.Get()
				if err != nil {
					t.Error(err)
					return
				}
				if n := inUse.Add(1); n > size {
					t.Errorf("%d in use", n)
				}
				inUse.Add(-1)
				if i%7 == 0 {
					p.Discard(v)
				} else {
					p.Put(v)
				}
			}
		})
	}
	done.Wait()
	if s := p.Stats(); s.InUse != 0 || int64(s.Idle) != alive.Load() {
		t.Errorf("stats are %+v with %d alive", s, alive.Load())
	}
	p.Close()
	if alive.Load() != 0 {
		t.Errorf("%d are still alive", alive.Load())
	}
}

func TestGetPutAllocateNothing(t *testing.T) {
	p, _ := counted(1, 0)
	if n := testing.AllocsPerRun(1000, func() { v, _ := p.Get(); p.Put(v) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGetPut(b *testing.B) {
	p, _ := counted(64, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		v, _ := p.Get()
		p.Put(v)
	}
}

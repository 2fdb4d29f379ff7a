package pool

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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
	if s := p.Stats(); s != (Stats{InUse: 1, Waits: 1, Busy: 1, Made: 1}) {
		t.Errorf("stats are %+v", s)
	}
}

func TestWaitersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := counted(1, time.Minute)
		v, _ := p.Get()
		order := make(chan int, 3)
		for i := range 3 {
			go func() {
				v, err := p.Get()
				if err != nil {
					t.Error(err)
				}
				order <- i
				p.Put(v)
			}()
			synctest.Wait() // until it stands in the queue
		}
		p.Put(v)
		for want := range 3 {
			if got := <-order; got != want {
				t.Errorf("waiter %d was served in place %d", got, want)
			}
		}
	})
}

// Three wait from 0 s, 10 s and 20 s on, 30 s each. What comes back at 35 s is
// for the second.
func TestWaiterThatGaveUpTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := counted(1, 30*time.Second)
		v, _ := p.Get()
		start := time.Now()
		type outcome struct {
			waiter int
			err    error
			at     time.Duration
		}
		outcomes := make(chan outcome, 3)
		var done sync.WaitGroup
		defer done.Wait()
		for i := range 3 {
			done.Go(func() {
				v, err := p.Get()
				outcomes <- outcome{i, err, time.Since(start)}
				if err == nil {
					time.Sleep(10 * time.Second)
					p.Put(v)
				}
			})
			time.Sleep(10 * time.Second)
		}
		time.Sleep(5 * time.Second)
		p.Put(v)
		for _, want := range []outcome{
			{0, ErrBusy, 30 * time.Second},
			{1, nil, 35 * time.Second},
			{2, nil, 45 * time.Second},
		} {
			if got := <-outcomes; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

// A value that comes back when the wait ends goes to the one who waits or stays
// in the pool.
func TestValueComesBackAsTheWaitEnds(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			p, _ := counted(1, time.Second)
			v, _ := p.Get()
			go func() {
				time.Sleep(time.Second)
				p.Put(v)
			}()
			_, err := p.Get()
			synctest.Wait()
			if s := p.Stats(); s.Idle+s.InUse != 1 || (err == nil) != (s.InUse == 1) || s.Waiting != 0 {
				t.Fatalf("error %v, stats %+v", err, s)
			}
		})
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
	synctest.Test(t, func(t *testing.T) {
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
		synctest.Wait() // until it stands in the queue
		p.Close()
		p.Close()
		if err := <-failed; err != ErrClosed {
			t.Errorf("a waiter got %v", err)
		}
		p.Put(a)
		p.Put(b)
		if drained(p) {
			t.Error("it is drained with a value in use")
		}
		p.Discard(c)
		if alive.Load() != 0 {
			t.Errorf("%d are still alive", alive.Load())
		}
		if !drained(p) {
			t.Error("it is not drained")
		}
		if _, err := p.Get(); err != ErrClosed {
			t.Errorf("got %v after Close", err)
		}
	})
}

func drained[T any](p *Bounded[T]) bool {
	select {
	case <-p.Drained():
		return true
	default:
		return false
	}
}

// A pool is drained once Options.Close has returned for the last value, and
// Options.New for the one that was being made.
func TestDrained(t *testing.T) {
	for _, test := range []struct {
		name string
		last func(p *Bounded[int], made, closed chan struct{})
	}{
		{"nothing was made", func(p *Bounded[int], made, closed chan struct{}) {
			p.Close()
		}},
		{"idle ones are being closed", func(p *Bounded[int], made, closed chan struct{}) {
			made <- struct{}{}
			v, _ := p.Get()
			p.Put(v)
			go p.Close()
			closed <- struct{}{}
		}},
		{"one comes back", func(p *Bounded[int], made, closed chan struct{}) {
			made <- struct{}{}
			v, _ := p.Get()
			p.Close()
			go p.Put(v)
			closed <- struct{}{}
		}},
		{"one is being made", func(p *Bounded[int], made, closed chan struct{}) {
			go func() {
				v, _ := p.Get()
				p.Put(v)
			}()
			synctest.Wait()
			p.Close()
			made <- struct{}{}
			closed <- struct{}{}
		}},
		{"one is being replaced", func(p *Bounded[int], made, closed chan struct{}) {
			made <- struct{}{}
			v, _ := p.Get()
			go p.Discard(v)
			closed <- struct{}{}
			synctest.Wait()
			p.Close()
			made <- struct{}{}
			closed <- struct{}{}
		}},
		{"one is being shrunk", func(p *Bounded[int], made, closed chan struct{}) {
			made <- struct{}{}
			v, _ := p.Get()
			p.Put(v)
			time.Sleep(time.Minute)
			synctest.Wait()
			p.Close()
			closed <- struct{}{}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				made, closed := make(chan struct{}, 1), make(chan struct{})
				var p *Bounded[int]
				check := func() {
					if drained(p) {
						t.Error("it is drained too early")
					}
				}
				p = NewBounded(Options[int]{
					Size: 1, IdleFor: time.Minute,
					New:   func() (int, error) { <-made; check(); return 1, nil },
					Close: func(int) { <-closed; check() },
				})
				test.last(p, made, closed)
				synctest.Wait()
				if !drained(p) {
					t.Errorf("it is not drained: %+v", p.Stats())
				}
			})
		})
	}
}

// Inside of a bubble the test ends only when every goroutine of the pool has.
func TestHammer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 3
		var alive, made, failures, closings atomic.Int64
		p := NewBounded(Options[int64]{
			Size: size, Wait: 3 * time.Millisecond, IdleFor: 2 * time.Millisecond, MinIdle: 1,
			New: func() (int64, error) {
				n := made.Add(1)
				if n%10 < 2 { // also twice in a row, so that a Get hears of it
					failures.Add(1)
					return 0, errors.New("broken")
				}
				if alive := alive.Add(1); alive > size {
					t.Errorf("%d are alive", alive)
				}
				return n, nil
			},
			Close:  func(int64) { alive.Add(-1); closings.Add(1) },
			Failed: func(error) {},
		})
		var inUse, got, busy, broken atomic.Int64
		use := func(random *rand.Rand) {
			if random.IntN(4) == 0 { // else as fast as the others let it
				time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
			}
			v, err := p.Get()
			switch {
			case err == ErrBusy:
				busy.Add(1)
				return
			case err != nil:
				broken.Add(1)
				return
			}
			got.Add(1)
			if n := inUse.Add(1); n > size {
				t.Errorf("%d in use", n)
			}
			if random.IntN(3) == 0 {
				time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
			}
			inUse.Add(-1)
			if random.IntN(7) == 0 {
				p.Discard(v)
			} else {
				p.Put(v)
			}
		}
		for round := range uint64(30) {
			var done sync.WaitGroup
			for g := range uint64(16) {
				done.Go(func() {
					random := rand.New(rand.NewPCG(round, g))
					for range 20 {
						use(random)
					}
				})
			}
			done.Wait()
			time.Sleep(10 * time.Millisecond) // long enough to shrink
		}
		synctest.Wait()
		s := p.Stats()
		if s.InUse != 0 || s.Waiting != 0 || int64(s.Idle) != alive.Load() || s.Busy != uint64(busy.Load()) ||
			s.Made != uint64(made.Load()-failures.Load()) || s.Discarded+s.Shrunk != uint64(closings.Load()) {
			t.Errorf("stats are %+v with %d alive, %d calls of New, %d failed, %d closed, %d busy",
				s, alive.Load(), made.Load(), failures.Load(), closings.Load(), busy.Load())
		}
		if got.Load() == 0 || busy.Load() == 0 || broken.Load() == 0 || s.Discarded == 0 || s.Shrunk == 0 {
			t.Errorf("%d got one, %d were busy, %d broken; stats %+v: something was never tried", got.Load(), busy.Load(), broken.Load(), s)
		}
		p.Close()
		<-p.Drained()
		if alive.Load() != 0 {
			t.Errorf("%d are still alive", alive.Load())
		}
	})
}

// In real time the wait ends and values come back at once.
func TestHammerShortWaits(t *testing.T) {
	p, alive := counted(2, time.Microsecond)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for i := range 2000 {
				v, err := p.Get()
				switch {
				case err == ErrBusy:
				case err != nil:
					t.Error(err)
				case i%11 == 0:
					p.Discard(v)
				default:
					p.Put(v)
				}
			}
		})
	}
	done.Wait()
	p.Close()
	<-p.Drained()
	if s := p.Stats(); s.Idle+s.InUse+s.Waiting != 0 || alive.Load() != 0 {
		t.Errorf("stats are %+v with %d alive", s, alive.Load())
	}
}

func TestGetPutAllocateNothing(t *testing.T) {
	for _, idleFor := range []time.Duration{0, time.Hour} {
		p := NewBounded(Options[int]{
			Size: 1, IdleFor: idleFor,
			New: func() (int, error) { return 1, nil }, Close: func(int) {},
		})
		if n := testing.AllocsPerRun(1000, func() { v, _ := p.Get(); p.Put(v) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		p.Close()
	}
}

func BenchmarkGetPut(b *testing.B) {
	for name, idleFor := range map[string]time.Duration{"keep": 0, "shrink": time.Hour} {
		b.Run(name, func(b *testing.B) {
			p := NewBounded(Options[int]{
				Size: 64, IdleFor: idleFor,
				New: func() (int, error) { return 1, nil }, Close: func(int) {},
			})
			defer p.Close()
			b.ReportAllocs()
			for b.Loop() {
				v, _ := p.Get()
				p.Put(v)
			}
		})
	}
}

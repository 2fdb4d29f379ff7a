package pool

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errBroken = errors.New("broken")

// gated is a pool of one number, which New makes when the gate lets it.
func gated(wait time.Duration) (p *Bounded[int], gate chan error, failed *[]error) {
	gate, failed = make(chan error), &[]error{}
	made := 0
	p = NewBounded(Options[int]{
		Size: 1, Wait: wait,
		New:    func() (int, error) { err := <-gate; made++; return made, err },
		Close:  func(int) {},
		Failed: func(err error) { *failed = append(*failed, err) },
	})
	return p, gate, failed
}

// got is what a Get on another goroutine answers.
type got struct {
	value int
	err   error
}

func get(p *Bounded[int]) chan got {
	answer := make(chan got, 1)
	go func() {
		v, err := p.Get()
		answer <- got{v, err}
	}()
	synctest.Wait()
	return answer
}

func TestDiscardedIsReplacedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, gate, _ := gated(0)
		first := get(p)
		gate <- nil
		p.Discard((<-first).value) // does not wait for the gate
		if s := p.Stats(); s != (Stats{InUse: 1, Made: 1, Discarded: 1}) {
			t.Errorf("stats are %+v while it is being made", s)
		}
		gate <- nil
		synctest.Wait()
		if s := p.Stats(); s != (Stats{Idle: 1, Made: 2, Discarded: 1}) {
			t.Errorf("stats are %+v", s)
		}
		if v, err := p.Get(); v != 2 || err != nil {
			t.Errorf("got %d, %v", v, err)
		}
	})
}

// However short the pool's wait is: one that is being made is worth as long a
// wait as one that Get makes itself. For each such value one may wait.
func TestGetWaitsForAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, gate, _ := gated(0)
		first := get(p)
		gate <- nil
		p.Discard((<-first).value)
		second := get(p)
		if third := <-get(p); third.err != ErrBusy {
			t.Errorf("who comes too late got %+v", third)
		}
		time.Sleep(time.Hour)
		gate <- nil
		if g := <-second; g != (got{2, nil}) {
			t.Errorf("got %+v", g)
		}
	})
}

func TestReplacementGoesToTheFirstWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, gate, _ := gated(time.Minute)
		first := get(p)
		gate <- nil
		second, third := get(p), get(p)
		p.Discard((<-first).value)
		gate <- nil
		if g := <-second; g != (got{2, nil}) {
			t.Errorf("the first who waits got %+v", g)
		}
		p.Put(2)
		if g := <-third; g != (got{2, nil}) {
			t.Errorf("the second who waits got %+v", g)
		}
	})
}

func TestFailedReplacement(t *testing.T) {
	for _, test := range []struct {
		name    string
		waiting bool
	}{{"nobody waits", false}, {"somebody waits", true}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, gate, failed := gated(time.Minute)
				first := get(p)
				gate <- nil
				var second chan got
				if test.waiting {
					second = get(p)
				}
				p.Discard((<-first).value)
				gate <- errBroken
				synctest.Wait()
				if len(*failed) != 1 || (*failed)[0] != errBroken {
					t.Errorf("Failed heard %v", *failed)
				}
				if !test.waiting {
					if s := p.Stats(); s != (Stats{Made: 1, Discarded: 1}) {
						t.Errorf("stats are %+v: it is tried again", s)
					}
					second = get(p)
				}
				gate <- errBroken // to the Get itself, which hears of it
				if g := <-second; g.err != errBroken {
					t.Errorf("got %+v", g)
				}
				third := get(p)
				gate <- nil
				if g := <-third; g.err != nil {
					t.Errorf("got %+v", g)
				}
				if len(*failed) != 1 {
					t.Errorf("Failed heard %v", *failed)
				}
			})
		})
	}
}

func TestDiscardedIsNotReplaced(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(p *Bounded[int])
	}{
		{"another is idle", func(p *Bounded[int]) { v, _ := p.Get(); p.Put(v) }},
		{"the pool is closed", func(p *Bounded[int]) { p.Close() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, alive := counted(2, 0)
				v, _ := p.Get()
				test.prepare(p)
				before := p.Stats()
				p.Discard(v)
				synctest.Wait()
				if s := p.Stats(); s.Made != before.Made || s.InUse != 0 || int(alive.Load()) != s.Idle {
					t.Errorf("stats are %+v, %d alive", s, alive.Load())
				}
			})
		})
	}
}

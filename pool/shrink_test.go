package pool

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shrinking makes a pool of five numbers, all idle, and lists those it closes.
func shrinking(t *testing.T, minIdle int) (p *Bounded[int], closed func() []int) {
	t.Helper()
	var (
		mu    sync.Mutex
		made  int
		ended []int
	)
	p = NewBounded(Options[int]{
		Size: 5, IdleFor: time.Minute, MinIdle: minIdle,
		New: func() (int, error) { made++; return made, nil },
		Close: func(v int) {
			mu.Lock()
			ended = append(ended, v)
			mu.Unlock()
		},
	})
	values := make([]int, 5)
	for i := range values {
		values[i], _ = p.Get()
	}
	for _, v := range values {
		p.Put(v)
	}
	return p, func() []int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(ended)
	}
}

// ticking tells whether a pool's timer is set.
func ticking(p *Bounded[int]) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shrinker.timer == nil || !p.shrinker.timer.Stop() {
		return false
	}
	p.shrinker.timer.Reset(p.options.IdleFor)
	return true
}

func TestUnusedValuesAreClosed(t *testing.T) {
	for _, test := range []struct {
		name    string
		minIdle int
		used    int // how many are taken at once, time and again
		closed  []int
	}{
		{"none is needed", 0, 0, []int{1, 2, 3, 4, 5}},
		{"one is needed", 0, 1, []int{1, 2, 3, 4}},
		{"three are needed", 0, 3, []int{1, 2}},
		{"all are needed", 0, 5, nil},
		{"none is needed, two stay", 2, 0, []int{1, 2, 3}},
		{"one is needed, two stay", 2, 1, []int{1, 2, 3}},
		{"three are needed, two stay", 2, 3, []int{1, 2}},
		{"all stay", 5, 0, nil},
		{"more than all stay", 9, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, closed := shrinking(t, test.minIdle)
				for range 50 {
					time.Sleep(7 * time.Second)
					taken := make([]int, test.used)
					for i := range taken {
						taken[i], _ = p.Get()
					}
					for _, v := range slices.Backward(taken) {
						p.Put(v)
					}
				}
				synctest.Wait()
				if !slices.Equal(closed(), test.closed) {
					t.Errorf("closed are %d, want %d", closed(), test.closed)
				}
				if s := p.Stats(); s.Shrunk != uint64(len(test.closed)) || s.Made != 5 || s.Idle != 5-len(test.closed) || s.InUse != 0 {
					t.Errorf("stats are %+v", s)
				}
				if now, want := ticking(p), 5-len(test.closed) > test.minIdle; now != want {
					t.Errorf("the timer is set: %v, want %v", now, want)
				}
				p.Close()
				if ticking(p) {
					t.Error("the timer is set after Close")
				}
			})
		})
	}
}

// Whenever in the timer's period a value comes back, it stays for a minute, and
// not beyond two.
func TestIdleForIsKept(t *testing.T) {
	for second := range 60 {
		t.Run(fmt.Sprint(second), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, closed := shrinking(t, 0)
				v, _ := p.Get()
				time.Sleep(time.Duration(second)*time.Second + time.Millisecond)
				p.Put(v)
				time.Sleep(time.Minute - time.Microsecond)
				synctest.Wait()
				if slices.Contains(closed(), v) {
					t.Error("it was closed before its minute was over")
				}
				time.Sleep(time.Minute + time.Microsecond)
				synctest.Wait()
				if !slices.Contains(closed(), v) {
					t.Error("it is there after two minutes")
				}
				p.Close()
			})
		})
	}
}

// The timer rests while all are in use, and is set again afterwards.
func TestShrinksAgainAfterARest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, closed := shrinking(t, 0)
		for range 3 {
			v, err := p.Get()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			if ticking(p) {
				t.Error("the timer is set with nothing idle")
			}
			p.Put(v)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			if s := p.Stats(); s.Idle != 0 {
				t.Errorf("%d are idle, %d were closed", s.Idle, closed())
			}
		}
		p.Close()
	})
}

// A place is free only when its value is closed: until then who needs one
// waits, and gets it.
func TestPlacesOfShrunkValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closing := make(chan struct{})
		p := NewBounded(Options[int]{
			Size: 1, Wait: time.Hour, IdleFor: time.Minute,
			New: func() (int, error) { return 1, nil }, Close: func(int) { <-closing },
		})
		v, _ := p.Get()
		p.Put(v)
		time.Sleep(time.Minute)
		synctest.Wait()
		got := make(chan int)
		go func() { v, _ := p.Get(); got <- v }()
		synctest.Wait()
		if s := p.Stats(); s.Waiting != 1 {
			t.Errorf("stats are %+v", s)
		}
		close(closing)
		p.Put(<-got)
		p.Close()
	})
}

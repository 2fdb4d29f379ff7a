package zonetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"phasm/plugins/zone"
)

// RunBounded checks what a store promises that bounds its memory by evicting.
func RunBounded(t *testing.T, make Maker) {
	for _, c := range bounded {
		t.Run(c.name, func(t *testing.T) {
			store, advance := make(t, 64<<10)
			c.run(&tester{t, store, advance})
		})
	}
}

// fill fills the store with keys k0, k1, … and answers how many there is room
// for.
func (t *tester) fill(size int, ttl time.Duration) int {
	t.Helper()
	value := text(strings.Repeat("v", size))
	for n := 0; ; n++ {
		switch _, err := t.store.Set(ctx, zone.SafeAdd, fmt.Append(nil, "k", n), value, ttl); {
		case err == zone.ErrNoMemory && n > 0:
			return n
		case err != nil:
			t.Fatalf("cannot add k%d: %v", n, err)
		}
	}
}

func (t *tester) forcible(key string, v zone.Value, ttl time.Duration, want bool) {
	t.Helper()
	forcible, err := t.store.Set(ctx, zone.Set, []byte(key), v, ttl)
	t.fails("set "+key, err, nil)
	t.equal("forcible at "+key, forcible, want)
}

var bounded = []struct {
	name string
	run  func(t *tester)
}{
	{"flush what has expired", func(t *tester) {
		for n := range 10 {
			t.set(fmt.Sprint("k", n), zone.IntOf(int64(n)), time.Duration(n+1)*time.Minute)
		}
		t.set("forever", text("v"), 0)
		t.advance(4*time.Minute + time.Second)
		t.equal("keys", fmt.Sprint(t.keys(0)), "[forever k4 k5 k6 k7 k8 k9]")
		for _, step := range []struct{ max, want int }{{3, 3}, {3, 1}, {0, 0}} {
			n, err := t.store.FlushExpired(ctx, step.max)
			t.fails("flush", err, nil)
			t.equal("flushed", n, step.want)
		}
		t.advance(time.Hour)
		n, err := t.store.FlushExpired(ctx, 0)
		t.fails("flush", err, nil)
		t.equal("flushed", n, 6)
		t.equal("keys", fmt.Sprint(t.keys(0)), "[forever]")
	}},
	{"info", func(t *tester) {
		before, err := t.store.Info(ctx)
		t.fails("info", err, nil)
		t.equal("capacity", before.Capacity, int64(64<<10))
		t.equal("free", before.Free, int64(64<<10))
		n := t.fill(100, 0)
		full, _ := t.store.Info(ctx)
		t.equal("entries", full.Entries, int64(n))
		if full.Free > 1000 || full.Free < 0 {
			t.Errorf("%d bytes are free of a full store", full.Free)
		}
		t.store.Flush(ctx)
		after, _ := t.store.Info(ctx)
		t.equal("free after", after, before)
	}},
	{"set evicts what was not used for longest", func(t *tester) {
		n := t.fill(100, 0)
		t.get("k0", fmt.Sprintf("%q", strings.Repeat("v", 100)))
		t.forcible("new", text(strings.Repeat("v", 100)), 0, true)
		t.get("k1", "not found")
		t.get("k0", fmt.Sprintf("%q", strings.Repeat("v", 100)))
		t.get(fmt.Sprint("k", n-1), fmt.Sprintf("%q", strings.Repeat("v", 100)))
		t.forcible("k0", text("smaller"), 0, false)
	}},
	{"safe_set and safe_add never evict", func(t *tester) {
		n := t.fill(100, 0)
		t.mode(zone.SafeSet, "new", strings.Repeat("v", 100), zone.ErrNoMemory)
		t.mode(zone.SafeSet, "k0", strings.Repeat("v", 100), nil)
		t.mode(zone.SafeSet, "k0", strings.Repeat("v", 1000), zone.ErrNoMemory)
		t.get("k0", fmt.Sprintf("%q", strings.Repeat("v", 100)))
		t.equal("keys", len(t.keys(0)), n)
	}},
	{"push never evicts", func(t *tester) {
		n := t.fill(100, 0)
		t.push("l", zone.Left, text(strings.Repeat("v", 200)), 0, zone.ErrNoMemory)
		t.equal("keys", len(t.keys(0)), n)
	}},
	{"what has expired goes first", func(t *tester) {
		t.set("old", text("v"), 0)
		n := t.fill(100, time.Second)
		t.advance(1100 * time.Millisecond)
		t.mode(zone.SafeSet, "new", strings.Repeat("v", 100), nil)
		for i := range n / 2 {
			t.forcible(fmt.Sprint("n", i), text(strings.Repeat("v", 100)), 0, false)
		}
		t.get("old", `"v"`)
		t.push("l", zone.Left, text(strings.Repeat("v", 100)), 1, nil)
	}},
	{"a value that is too large", func(t *tester) {
		t.set("old", text("v"), 0)
		for mode := zone.Set; mode <= zone.Replace; mode++ {
			key := "new"
			if mode == zone.Replace {
				key = "old"
			}
			_, err := t.store.Set(ctx, mode, []byte(key), text(strings.Repeat("v", 64<<10)), 0)
			t.fails(fmt.Sprint("mode ", mode), err, zone.ErrNoMemory)
		}
		t.push("l", zone.Left, text(strings.Repeat("v", 64<<10)), 0, zone.ErrNoMemory)
		t.get("old", `"v"`)
		t.forcible("new", text(strings.Repeat("v", 60<<10)), 0, false)
		t.forcible("newer", text(strings.Repeat("v", 60<<10)), 0, true)
		t.get("new", "not found")
	}},
	{"a value replaces itself", func(t *tester) {
		t.set("k", text(strings.Repeat("v", 40<<10)), 0)
		t.forcible("k", text(strings.Repeat("w", 60<<10)), 0, false)
		t.mode(zone.Replace, "k", strings.Repeat("x", 61<<10), nil)
		t.mode(zone.SafeSet, "k", strings.Repeat("y", 62<<10), nil)
		t.get("k", fmt.Sprintf("%q", strings.Repeat("y", 62<<10)))
	}},
	{"incr evicts", func(t *tester) {
		t.fill(100, 0)
		_, forcible, err := t.store.Incr(ctx, []byte("n"), zone.IntOf(1), zone.IntOf(0), 0)
		for i := 0; err == nil && !forcible && i < 3; i++ { // until the rest is full, too
			_, forcible, err = t.store.Incr(ctx, fmt.Append(nil, "n", i), zone.IntOf(1), zone.IntOf(0), 0)
		}
		t.fails("incr", err, nil)
		t.equal("forcible", forcible, true)
	}},
	{"deleted lists leave their room", func(t *tester) {
		for round := range 5 {
			n := 0
			for ; ; n++ {
				if _, err := t.store.Push(ctx, []byte("l"), zone.End(n%2), text(strings.Repeat("e", n%100))); err != nil {
					t.fails("push", err, zone.ErrNoMemory)
					break
				}
			}
			if n < 300 {
				t.Fatalf("round %d: only %d elements fit", round, n)
			}
			switch round % 3 {
			case 0:
				t.fails("delete", t.store.Delete(ctx, []byte("l")), nil)
			case 1:
				t.forcible("l", text("v"), 0, false)
				t.fails("delete", t.store.Delete(ctx, []byte("l")), nil)
			case 2:
				t.store.Flush(ctx)
			}
			info, _ := t.store.Info(ctx)
			t.equal("free", info.Free, info.Capacity)
		}
		t.mode(zone.SafeSet, "k", strings.Repeat("v", 60<<10), nil)
	}},
}

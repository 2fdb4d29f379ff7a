// Package zonetest checks what every zone.Store promises, wherever it keeps
// its entries.
package zonetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/zone"
)

// Maker makes an empty store of that many bytes, and what lets its time pass.
type Maker func(t testing.TB, size int64) (store zone.Store, advance func(time.Duration))

// Run runs the whole table against stores of a kind.
func Run(t *testing.T, make Maker) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store, advance := make(t, 256<<10)
			c.run(&tester{t, store, advance})
		})
	}
}

// tester calls a store by short names and compares what it answers.
type tester struct {
	*testing.T
	store   zone.Store
	advance func(time.Duration)
}

var ctx = context.Background()

// show writes a value down.
func show(v zone.Value, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case v.Kind == zone.Text:
		return fmt.Sprintf("%q", v.Text())
	case v.Kind == zone.Int:
		return fmt.Sprint(v.Int())
	case v.Kind == zone.Float:
		return fmt.Sprintf("%g float", v.Float())
	case v.Kind == zone.Bool:
		return fmt.Sprint(v.Bool())
	}
	return "nothing"
}

func (t *tester) equal(what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (t *tester) fails(what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) || want == nil && got != nil {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func (t *tester) get(key, want string) {
	t.Helper()
	v, err := t.store.Get(ctx, nil, []byte(key))
	t.equal("get "+short(key), show(v, err), want)
}

func (t *tester) set(key string, v zone.Value, ttl time.Duration) {
	t.Helper()
	_, err := t.store.Set(ctx, zone.Set, []byte(key), v, ttl)
	t.fails("set "+short(key), err, nil)
}

func (t *tester) mode(mode zone.Mode, key, value string, want error) {
	t.Helper()
	_, err := t.store.Set(ctx, mode, []byte(key), text(value), 0)
	t.fails(fmt.Sprintf("set in mode %d %s", mode, short(key)), err, want)
}

func (t *tester) incr(key string, delta, init zone.Value, ttl time.Duration, want string) {
	t.Helper()
	v, _, err := t.store.Incr(ctx, []byte(key), delta, init, ttl)
	t.equal("incr "+short(key), show(v, err), want)
}

func (t *tester) ttl(key string, want time.Duration, fails error) {
	t.Helper()
	got, err := t.store.TTL(ctx, []byte(key))
	t.fails("ttl "+key, err, fails)
	if got > want || got < want-200*time.Millisecond || want == 0 && got != 0 {
		t.Errorf("ttl %s: got %v, want %v", key, got, want)
	}
}

func (t *tester) push(key string, end zone.End, v zone.Value, want int, fails error) {
	t.Helper()
	n, err := t.store.Push(ctx, []byte(key), end, v)
	t.fails("push "+key, err, fails)
	t.equal("push "+key, n, want)
}

func (t *tester) pop(key string, end zone.End, want string) {
	t.Helper()
	v, err := t.store.Pop(ctx, nil, []byte(key), end, math.MaxInt)
	t.equal("pop "+key, show(v, err), want)
}

func (t *tester) length(key string, want int, fails error) {
	t.Helper()
	n, err := t.store.Len(ctx, []byte(key))
	t.fails("len "+key, err, fails)
	t.equal("len "+key, n, want)
}

func (t *tester) keys(max int) []string {
	t.Helper()
	b, err := t.store.Keys(ctx, nil, max)
	t.fails("keys", err, nil)
	var keys []string
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b)
		keys = append(keys, string(b[4:4+n]))
		b = b[4+n:]
	}
	slices.Sort(keys)
	return keys
}

func text(s string) zone.Value { return zone.TextOf([]byte(s)) }

func short(key string) string { return fmt.Sprintf("%.20q", key) }

var none zone.Value

var cases = []struct {
	name string
	run  func(t *tester)
}{
	{"values keep their kinds", func(t *tester) {
		for key, v := range map[string]zone.Value{
			`"text"`: text("text"), `""`: text(""), `"\x00\xff"`: text("\x00\xff"),
			"0": zone.IntOf(0), "-9223372036854775808": zone.IntOf(math.MinInt64), "9223372036854775807": zone.IntOf(math.MaxInt64),
			"1.5 float": zone.FloatOf(1.5), "1 float": zone.FloatOf(1), "-Inf float": zone.FloatOf(math.Inf(-1)), "NaN float": zone.FloatOf(math.NaN()),
			"true": zone.BoolOf(true), "false": zone.BoolOf(false),
		} {
			t.set(key, v, 0)
			t.get(key, key)
		}
		t.get("missing", "not found")
	}},
	{"a key is any bytes", func(t *tester) {
		for _, key := range []string{"a", "\x00", "a b\r\n", "\xff\xfe", strings.Repeat("k", 16), strings.Repeat("k", 17), strings.Repeat("k", 76), strings.Repeat("k", 77), strings.Repeat("k", 5000), strings.Repeat("k", zone.MaxKey)} {
			t.set(key, text("of "+short(key)), 0)
			t.get(key, fmt.Sprintf("%q", "of "+short(key)))
			t.set(key, zone.IntOf(1), 0)
			t.get(key, "1")
		}
		t.equal("keys", len(t.keys(0)), 10)
	}},
	{"arguments are checked", func(t *tester) {
		for _, key := range []string{"", strings.Repeat("k", zone.MaxKey+1)} {
			k := []byte(key)
			_, err := t.store.Get(ctx, nil, k)
			t.fails("get", err, zone.ErrBadArgument)
			_, _, err = t.store.GetStale(ctx, nil, k)
			t.fails("get stale", err, zone.ErrBadArgument)
			_, err = t.store.Set(ctx, zone.Set, k, text("v"), 0)
			t.fails("set", err, zone.ErrBadArgument)
			_, _, err = t.store.Incr(ctx, k, zone.IntOf(1), none, 0)
			t.fails("incr", err, zone.ErrBadArgument)
			t.fails("swap", t.store.CompareAndSwap(ctx, k, none, text("v"), 0), zone.ErrBadArgument)
			t.fails("delete", t.store.Delete(ctx, k), zone.ErrBadArgument)
			_, err = t.store.TTL(ctx, k)
			t.fails("ttl", err, zone.ErrBadArgument)
			t.fails("expire", t.store.Expire(ctx, k, 1), zone.ErrBadArgument)
			_, err = t.store.Push(ctx, k, zone.Left, text("v"))
			t.fails("push", err, zone.ErrBadArgument)
			_, err = t.store.Pop(ctx, nil, k, zone.Left, 100)
			t.fails("pop", err, zone.ErrBadArgument)
			_, err = t.store.Len(ctx, k)
			t.fails("len", err, zone.ErrBadArgument)
			_, _, err = t.store.Hold(ctx, k, 1)
			t.fails("hold", err, zone.ErrBadArgument)
			t.fails("release", t.store.Release(ctx, k, 1), zone.ErrBadArgument)
		}
		k := []byte("k")
		for _, mode := range []zone.Mode{zone.Set, zone.SafeSet, zone.Add, zone.SafeAdd, zone.Replace} {
			_, err := t.store.Set(ctx, mode, k, none, 0)
			t.fails("set nothing", err, zone.ErrBadArgument)
			_, err = t.store.Set(ctx, mode, k, text("v"), -1)
			t.fails("set for less than nothing", err, zone.ErrBadArgument)
		}
		_, err := t.store.Set(ctx, zone.Replace+1, k, text("v"), 0)
		t.fails("another mode", err, zone.ErrBadArgument)
		for _, v := range []zone.Value{none, text("1"), zone.BoolOf(true)} {
			_, _, err = t.store.Incr(ctx, k, v, none, 0)
			t.fails("incr by "+show(v, nil), err, zone.ErrBadArgument)
		}
		_, _, err = t.store.Incr(ctx, k, zone.IntOf(1), text("1"), 0)
		t.fails("incr from a text", err, zone.ErrBadArgument)
		_, _, err = t.store.Incr(ctx, k, zone.IntOf(1), zone.IntOf(1), -1)
		t.fails("incr for less than nothing", err, zone.ErrBadArgument)
		t.fails("swap nothing", t.store.CompareAndSwap(ctx, k, none, none, 0), zone.ErrBadArgument)
		t.fails("expire in the past", t.store.Expire(ctx, k, -1), zone.ErrBadArgument)
		_, err = t.store.Push(ctx, k, zone.Right+1, text("v"))
		t.fails("push at another end", err, zone.ErrBadArgument)
		_, err = t.store.Push(ctx, k, zone.Right, none)
		t.fails("push nothing", err, zone.ErrBadArgument)
		_, err = t.store.Pop(ctx, nil, k, zone.Right+1, 100)
		t.fails("pop at another end", err, zone.ErrBadArgument)
		_, err = t.store.FlushExpired(ctx, -1)
		t.fails("flush fewer than none", err, zone.ErrBadArgument)
		_, err = t.store.Keys(ctx, nil, -1)
		t.fails("fewer keys than none", err, zone.ErrBadArgument)
		t.equal("keys", len(t.keys(0)), 0)
	}},
	{"modes", func(t *tester) {
		t.mode(zone.Replace, "k", "0", zone.ErrNotFound)
		t.mode(zone.Add, "k", "1", nil)
		t.mode(zone.Add, "k", "2", zone.ErrExists)
		t.mode(zone.SafeAdd, "k", "3", zone.ErrExists)
		t.get("k", `"1"`)
		t.mode(zone.Replace, "k", "4", nil)
		t.get("k", `"4"`)
		t.mode(zone.SafeSet, "k", "5", nil)
		t.mode(zone.SafeAdd, "l", "6", nil)
		t.mode(zone.SafeSet, "m", "7", nil)
		t.get("k", `"5"`)
		t.get("l", `"6"`)
		t.get("m", `"7"`)
	}},
	{"values grow and shrink", func(t *tester) {
		for _, n := range []int{0, 15, 16, 17, 75, 76, 77, 5000, 100, 4096, 4095, 4097, 60_000, 1} {
			t.set("k", text(strings.Repeat("v", n)), 0)
			t.get("k", fmt.Sprintf("%q", strings.Repeat("v", n)))
		}
	}},
	{"what a reader has stays as it is", func(t *tester) {
		big := strings.Repeat("b", 10_000)
		t.set("k", text(big), 0)
		v, err := t.store.Get(ctx, nil, []byte("k"))
		t.fails("get", err, nil)
		t.set("k", text(strings.Repeat("c", 10_000)), 0)
		t.equal("what was read", string(v.Text()), big)
		dst := append(make([]byte, 0, 100), "before "...)
		t.set("k", text("v"), 0)
		v, err = t.store.Get(ctx, dst, []byte("k"))
		t.fails("get", err, nil)
		t.equal("appended", string(bytes.TrimPrefix(v.Text(), dst)), "v")
	}},
	{"expiry", func(t *tester) {
		t.set("k", text("v"), time.Second)
		t.set("forever", text("v"), 0)
		t.ttl("k", time.Second, nil)
		t.ttl("forever", 0, nil)
		t.ttl("missing", 0, zone.ErrNotFound)
		t.advance(1100 * time.Millisecond)
		t.get("k", "not found")
		t.get("forever", `"v"`)
		t.ttl("k", 0, zone.ErrNotFound)
		t.fails("expire", t.store.Expire(ctx, []byte("k"), time.Second), zone.ErrNotFound)
		t.mode(zone.Replace, "k", "w", zone.ErrNotFound)
		t.mode(zone.Add, "k", "w", nil)
		t.ttl("k", 0, nil)
		t.fails("expire", t.store.Expire(ctx, []byte("k"), 10*time.Second), nil)
		t.ttl("k", 10*time.Second, nil)
		t.set("k", text("x"), 0)
		t.ttl("k", 0, nil)
		t.fails("expire", t.store.Expire(ctx, []byte("k"), time.Second), nil)
		t.fails("expire", t.store.Expire(ctx, []byte("k"), 0), nil)
		t.advance(1100 * time.Millisecond)
		t.get("k", `"x"`)
		t.set("k", text("far"), math.MaxInt64)
		t.get("k", `"far"`)
	}},
	{"a short life lasts a millisecond", func(t *tester) {
		t.set("k", text("v"), 1)
		t.advance(2 * time.Millisecond)
		t.get("k", "not found")
	}},
	{"incr", func(t *tester) {
		one, zero := zone.IntOf(1), zone.IntOf(0)
		t.incr("n", one, none, 0, "not found")
		t.incr("n", one, zone.IntOf(10), 0, "11")
		t.incr("n", zone.IntOf(-20), zero, 0, "-9")
		t.incr("n", zone.FloatOf(0.5), none, 0, "-8.5 float")
		t.incr("n", one, none, 0, "-7.5 float")
		t.set("n", zone.IntOf(math.MaxInt64), 0)
		t.incr("n", zero, none, 0, "9223372036854775807")
		t.incr("n", one, none, 0, "9.223372036854776e+18 float")
		t.set("n", zone.IntOf(math.MinInt64), 0)
		t.incr("n", zone.IntOf(-1), none, 0, "-9.223372036854776e+18 float")
		t.set("n", text("12"), 0)
		t.incr("n", one, zero, 0, "not a number")
		t.set("n", zone.BoolOf(true), 0)
		t.incr("n", one, zero, 0, "not a number")
		t.push("l", zone.Left, one, 1, nil)
		t.incr("l", one, zero, 0, "not a number")
	}},
	{"incr and expiry", func(t *tester) {
		one := zone.IntOf(1)
		t.incr("n", one, zone.IntOf(0), time.Second, "1")
		t.incr("n", one, zone.IntOf(0), time.Hour, "2")
		t.ttl("n", time.Second, nil)
		t.advance(1100 * time.Millisecond)
		t.incr("n", one, none, 0, "not found")
		t.incr("n", one, zone.IntOf(5), 0, "6")
		t.ttl("n", 0, nil)
	}},
	{"counts that are held", func(t *tester) {
		var tickets []uint64
		hold := func(most, want int, fails error) {
			t.Helper()
			n, ticket, err := t.store.Hold(ctx, []byte("h"), most)
			t.fails("hold", err, fails)
			t.equal("hold", n, want)
			if err == nil {
				tickets = append(tickets, ticket)
			}
		}
		for range 3 {
			hold(2, 1, nil)
			hold(2, 2, nil)
			hold(2, 0, zone.ErrBusy)
			hold(1, 0, zone.ErrBusy)
			hold(3, 3, nil)
			for _, ticket := range tickets {
				t.fails("release", t.store.Release(ctx, []byte("h"), ticket), nil)
			}
			tickets = nil
			t.equal("keys", len(t.keys(0)), 0)
		}
		t.fails("release what is not held", t.store.Release(ctx, []byte("none"), 5), nil)
		t.equal("keys", len(t.keys(0)), 0)
		hold(1, 1, nil)
		t.fails("delete", t.store.Delete(ctx, []byte("h")), nil)
		hold(1, 1, nil)
		for name, set := range map[string]func(){
			"text": func() { t.set("h", text("v"), 0) },
			"list": func() { t.push("h", zone.Left, text("v"), 1, nil) },
			"bool": func() { t.set("h", zone.BoolOf(true), 0) },
		} {
			t.fails("delete", t.store.Delete(ctx, []byte("h")), nil)
			set()
			_, _, err := t.store.Hold(ctx, []byte("h"), 5)
			t.fails("hold a "+name, err, zone.ErrNotNumber)
		}
		t.fails("delete", t.store.Delete(ctx, []byte("h")), nil)
		t.set("h", text("v"), time.Second)
		t.advance(1100 * time.Millisecond)
		hold(1, 1, nil)
		_, _, err := t.store.Hold(ctx, []byte("h"), 0)
		t.fails("hold at most none", err, zone.ErrBadArgument)
	}},
	{"compare and swap", func(t *tester) {
		swap := func(old, new zone.Value, want error) {
			t.Helper()
			t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), old, new, 0), want)
		}
		swap(text("a"), text("b"), zone.ErrNotFound)
		swap(none, text("a"), nil)
		swap(none, text("b"), zone.ErrExists)
		swap(text("b"), text("c"), zone.ErrExists)
		swap(text("a"), zone.IntOf(1), nil)
		swap(zone.FloatOf(1), zone.IntOf(2), zone.ErrExists)
		swap(zone.IntOf(1), zone.FloatOf(math.NaN()), nil)
		swap(zone.FloatOf(math.NaN()), text(strings.Repeat("l", 9000)), nil)
		swap(text(strings.Repeat("l", 8999)+"m"), none, zone.ErrExists)
		swap(text(strings.Repeat("l", 9000)), none, nil)
		t.get("k", "not found")
		swap(text("a"), none, zone.ErrNotFound)
		t.push("k", zone.Left, text("a"), 1, nil)
		swap(text("a"), none, zone.ErrExists)
		swap(none, text("a"), zone.ErrExists)
	}},
	{"swapping sets how long a key lives", func(t *tester) {
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), none, text("a"), time.Second), nil)
		t.ttl("k", time.Second, nil)
		t.advance(1100 * time.Millisecond)
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), text("a"), text("b"), 0), zone.ErrNotFound)
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), none, text("b"), 0), nil)
		t.ttl("k", 0, nil)
	}},
	{"a value that is swapped for itself lives anew", func(t *tester) { // a lock that is held for longer
		t.set("k", text("owner"), time.Second)
		t.advance(900 * time.Millisecond)
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), text("other"), text("other"), time.Minute), zone.ErrExists)
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), text("owner"), text("owner"), 2*time.Second), nil)
		t.advance(1900 * time.Millisecond)
		t.get("k", `"owner"`)
		t.advance(200 * time.Millisecond)
		t.fails("swap", t.store.CompareAndSwap(ctx, []byte("k"), text("owner"), text("owner"), time.Minute), zone.ErrNotFound)
	}},
	{"delete", func(t *tester) {
		t.fails("delete", t.store.Delete(ctx, []byte("k")), nil)
		for _, v := range []zone.Value{text("v"), zone.IntOf(1), text(strings.Repeat("v", 500)), text(strings.Repeat("v", 5000))} {
			t.set("k", v, time.Second)
			t.fails("delete", t.store.Delete(ctx, []byte("k")), nil)
			t.get("k", "not found")
		}
		t.equal("keys", len(t.keys(0)), 0)
	}},
	{"lists", func(t *tester) {
		t.length("l", 0, nil)
		t.pop("l", zone.Left, "not found")
		t.push("l", zone.Right, text("b"), 1, nil)
		t.push("l", zone.Left, zone.IntOf(1), 2, nil)
		t.push("l", zone.Right, zone.FloatOf(2.5), 3, nil)
		t.push("l", zone.Right, text(strings.Repeat("x", 6000)), 4, nil)
		t.push("l", zone.Left, text(strings.Repeat("y", 200)), 5, nil)
		t.length("l", 5, nil)
		t.get("l", "value is a list")
		t.pop("l", zone.Right, fmt.Sprintf("%q", strings.Repeat("x", 6000)))
		t.pop("l", zone.Left, fmt.Sprintf("%q", strings.Repeat("y", 200)))
		v, err := t.store.Pop(ctx, nil, []byte("l"), zone.Left, 8)
		t.equal("pop without room", show(v, err), "1")
		t.length("l", 3, nil)
		v, err = t.store.Pop(ctx, nil, []byte("l"), zone.Left, 9)
		t.equal("pop with room", show(v, err), "1")
		t.pop("l", zone.Left, `"b"`)
		t.pop("l", zone.Left, "2.5 float")
		t.pop("l", zone.Left, "not found")
		t.length("l", 0, nil)
		t.equal("keys", len(t.keys(0)), 0)
		t.set("k", text("v"), 0)
		t.push("k", zone.Left, text("w"), 0, zone.ErrNotList)
		t.pop("k", zone.Left, "value not a list")
		t.length("k", 0, zone.ErrNotList)
	}},
	{"lists live and die as others do", func(t *tester) {
		for range 3 {
			for n := range 20 {
				t.push("l", zone.End(n%2), zone.IntOf(int64(n)), n+1, nil)
			}
			t.fails("expire", t.store.Expire(ctx, []byte("l"), time.Second), nil)
			t.push("l", zone.Left, text("more"), 21, nil)
			t.ttl("l", time.Second, nil)
			t.advance(1100 * time.Millisecond)
			t.length("l", 0, nil)
			t.pop("l", zone.Left, "not found")
			t.push("l", zone.Left, text("new"), 1, nil)
			t.ttl("l", 0, nil)
			t.set("l", text("no list"), 0)
			t.get("l", `"no list"`)
			t.fails("delete", t.store.Delete(ctx, []byte("l")), nil)
			t.push("l", zone.Left, text("new"), 1, nil)
			t.fails("delete", t.store.Delete(ctx, []byte("l")), nil)
		}
	}},
	{"flush", func(t *tester) {
		for round := range 3 {
			for n := range 100 {
				t.set(fmt.Sprint("k", n), text(strings.Repeat("v", n)), time.Duration(n%3)*time.Second)
				t.push(fmt.Sprint("l", n%10), zone.Left, zone.IntOf(1), n/10+1, nil)
			}
			n, err := t.store.Flush(ctx)
			t.fails("flush", err, nil)
			t.equal(fmt.Sprint("flushed in round ", round), n, 110)
			t.equal("keys", len(t.keys(0)), 0)
			t.get("k1", "not found")
			t.length("l1", 0, nil)
		}
	}},
	{"keys", func(t *tester) {
		for n := range 500 {
			t.set(fmt.Sprint("k", n), zone.BoolOf(true), 0)
		}
		t.equal("all", len(slices.Compact(t.keys(0))), 500)
		t.equal("some", len(slices.Compact(t.keys(499))), 499)
		t.equal("more than there are", len(t.keys(501)), 500)
	}},
}

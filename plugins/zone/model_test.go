package zone_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/plugins/zone"
)

// model is what a zone should do, as plainly as can be said.
type model struct {
	now     int64
	entries map[string]*modelEntry
}

type modelEntry struct {
	value   zone.Value
	list    []zone.Value // not nil: a list
	expires int64
}

func (m *model) live(key string) *modelEntry {
	e := m.entries[key]
	if e == nil || e.expires != 0 && e.expires <= m.now {
		return nil
	}
	return e
}

func (m *model) until(ttl time.Duration) int64 {
	if ttl == 0 {
		return 0
	}
	return m.now + int64((ttl+time.Millisecond-1)/time.Millisecond*time.Millisecond)
}

// run lets the bytes of a program decide what is done to a zone and to the
// model. Where evictions may come in between, a key may be missing, and the
// model learns of it; what is there must be right all the same.
func run(t *testing.T, program []byte, size int64, evictions bool) {
	m := &model{now: 1, entries: map[string]*modelEntry{}}
	z := zone.NewWithClock(size, func() int64 { return m.now })
	ctx := context.Background()
	next := func() int {
		if len(program) == 0 {
			return 0
		}
		b := program[0]
		program = program[1:]
		return int(b)
	}
	value := func() zone.Value {
		switch n := next(); n % 6 {
		case 0:
			return zone.IntOf(int64(n))
		case 1:
			return zone.FloatOf(float64(n) / 4)
		case 2:
			return zone.BoolOf(n > 100)
		case 3:
			return zone.TextOf([]byte(strings.Repeat("L", 4000+n)))
		default:
			return zone.TextOf([]byte(strings.Repeat("v", n)))
		}
	}
	number := func() zone.Value {
		if n := next(); n%4 > 0 {
			return zone.IntOf(int64(n) - 100)
		} else {
			return zone.FloatOf(float64(n) / 8)
		}
	}
	ttl := func() time.Duration { return time.Duration(max(0, next()-150)) * 300 * time.Microsecond }
	step := 0
	for ; len(program) > 0; step++ {
		op, k := next(), next()%50
		key := fmt.Sprint("key", k)
		if k%7 == 0 {
			key = strings.Repeat(key, 30)
		}
		e := m.live(key)
		if evictions && e != nil {
			// Learn whether it is still there, without using it.
			if _, err := z.TTL(ctx, []byte(key)); errors.Is(err, zone.ErrNotFound) {
				delete(m.entries, key)
				e = nil
			}
		}
		var got, want string
		say := func(err error, values ...any) string {
			return strings.TrimSpace(fmt.Sprint(err) + " " + fmt.Sprintln(values...))
		}
		show := func(v zone.Value) string { return fmt.Sprintf("%x", v.Append(nil)) }
		full := false
		switch op % 16 {
		case 0, 1:
			v, err := z.Get(ctx, nil, []byte(key))
			got = say(err, show(v))
			switch {
			case e == nil:
				want = say(zone.ErrNotFound, "")
			case e.list != nil:
				want = say(zone.ErrIsList, "")
			default:
				want = say(nil, show(e.value))
			}
		case 2, 3, 4, 5:
			mode, v, ttl := zone.Mode(next()%5), value(), ttl()
			_, err := z.Set(ctx, mode, []byte(key), v, ttl)
			got = say(err)
			full = errors.Is(err, zone.ErrNoMemory)
			switch {
			case e != nil && (mode == zone.Add || mode == zone.SafeAdd):
				want = say(zone.ErrExists)
			case e == nil && mode == zone.Replace:
				want = say(zone.ErrNotFound)
			case full:
			default:
				m.entries[key] = &modelEntry{value: v, expires: m.until(ttl)}
				want = say(nil)
			}
		case 6, 7:
			delta, init, ttl := number(), zone.Value{}, ttl()
			if next()%3 > 0 {
				init = number()
			}
			v, _, err := z.Incr(ctx, []byte(key), delta, init, ttl)
			got = say(err, show(v))
			full = errors.Is(err, zone.ErrNoMemory)
			switch {
			case e != nil && (e.list != nil || e.value.Kind != zone.Int && e.value.Kind != zone.Float):
				want = say(zone.ErrNotNumber, "")
			case e != nil:
				e.value = e.value.Plus(delta)
				want = say(nil, show(e.value))
			case init.Kind == zone.None:
				want = say(zone.ErrNotFound, "")
			case full:
			default:
				e = &modelEntry{value: init.Plus(delta), expires: m.until(ttl)}
				m.entries[key] = e
				want = say(nil, show(e.value))
			}
		case 8:
			var old zone.Value
			if e != nil && next()%2 == 0 {
				old = e.value
			} else if next()%2 == 0 {
				old = value()
			}
			v, ttl := value(), ttl()
			if next()%4 == 0 && old.Kind != zone.None {
				v = zone.Value{}
			}
			err := z.CompareAndSwap(ctx, []byte(key), old, v, ttl)
			got = say(err)
			full = errors.Is(err, zone.ErrNoMemory)
			switch {
			case e == nil && old.Kind != zone.None:
				want = say(zone.ErrNotFound)
			case e != nil && (e.list != nil || !e.value.Equal(old)):
				want = say(zone.ErrExists)
			case full:
			case v.Kind == zone.None:
				delete(m.entries, key)
				want = say(nil)
			default:
				m.entries[key] = &modelEntry{value: v, expires: m.until(ttl)}
				want = say(nil)
			}
		case 9:
			got, want = say(z.Delete(ctx, []byte(key))), say(nil)
			delete(m.entries, key)
		case 10:
			left, err := z.TTL(ctx, []byte(key))
			got, want = say(err, left), say(zone.ErrNotFound, time.Duration(0))
			if e != nil {
				want = say(nil, time.Duration(max(0, e.expires-m.now)))
			}
			ttl := ttl()
			got += say(z.Expire(ctx, []byte(key), ttl))
			if e != nil {
				e.expires = m.until(ttl)
				want += say(nil)
			} else {
				want += say(zone.ErrNotFound)
			}
		case 11, 12:
			end, v := zone.End(next()%2), value()
			n, err := z.Push(ctx, []byte(key), end, v)
			got = say(err, n)
			full = errors.Is(err, zone.ErrNoMemory)
			switch {
			case e != nil && e.list == nil:
				want = say(zone.ErrNotList, 0)
			case full:
			default:
				if e == nil {
					e = &modelEntry{}
					m.entries[key] = e
				}
				if end == zone.Left {
					e.list = slices.Insert(e.list, 0, v)
				} else {
					e.list = append(e.list, v)
				}
				want = say(nil, len(e.list))
			}
		case 13:
			end := zone.End(next() % 2)
			v, err := z.Pop(ctx, nil, []byte(key), end, 1<<30)
			got = say(err, show(v))
			switch {
			case e == nil:
				want = say(zone.ErrNotFound, "")
			case e.list == nil:
				want = say(zone.ErrNotList, "")
			default:
				at := 0
				if end == zone.Right {
					at = len(e.list) - 1
				}
				want = say(nil, show(e.list[at]))
				if e.list = slices.Delete(e.list, at, at+1); len(e.list) == 0 {
					delete(m.entries, key)
				}
			}
		case 14:
			m.now += int64(next()) * int64(100*time.Microsecond)
		default:
			switch next() % 16 {
			case 0:
				z.Flush(ctx)
				clear(m.entries)
			case 1, 2, 3:
				most := next() % 4
				n, err := z.FlushExpired(ctx, most)
				got = say(err, n <= most || most == 0)
				want = say(nil, true)
			case 4:
				if evictions {
					z.Resize(size - size/4*int64(next()%3))
				}
			default:
				b, err := z.Keys(ctx, nil, 0)
				var keys, all []string
				for len(b) > 0 {
					n := binary.LittleEndian.Uint32(b)
					keys = append(keys, string(b[4:4+n]))
					b = b[4+n:]
				}
				for key := range m.entries {
					if m.live(key) != nil && (!evictions || slices.Contains(keys, key)) {
						all = append(all, key)
					}
				}
				slices.Sort(keys)
				slices.Sort(all)
				got, want = say(err, keys), say(nil, all)
			}
		}
		if full && evictions && want == "" {
			delete(m.entries, key) // what has expired may have gone
			continue
		}
		if got != want {
			t.Fatalf("step %d, operation %d on %.20q: got %.200s, want %.200s", step, op%16, key, got, want)
		}
		if step%256 == 0 || len(program) == 0 {
			f := z.Figures()
			if f.Used > f.Capacity {
				t.Fatalf("step %d: %d bytes are used of %d", step, f.Used, f.Capacity)
			}
			if problems := z.Check(); len(problems) > 0 {
				t.Fatalf("step %d, operation %d: %s", step, op%16, strings.Join(problems, "\n"))
			}
		}
	}
}

func program(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

func TestModel(t *testing.T) {
	for seed := range uint64(4) {
		run(t, program(seed, 10_000), 64<<20, false)
	}
}

func TestModelWithEvictions(t *testing.T) {
	for seed := range uint64(8) {
		run(t, program(seed, 10_000), 100<<10, true)
	}
}

func FuzzZone(f *testing.F) {
	f.Add(program(1, 500), false)
	f.Add(program(2, 500), true)
	f.Fuzz(func(t *testing.T, program []byte, evictions bool) {
		if evictions {
			run(t, program, zone.MinSize, true)
		} else {
			run(t, program, 64<<20, false)
		}
	})
}

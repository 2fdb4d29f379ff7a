package zone_test

import (
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/zone"
)

func TestContent(t *testing.T) {
	z, ctx := zone.New(1<<20), t.Context()
	set := func(key string, v zone.Value, ttl time.Duration) {
		t.Helper()
		before := z.Changes()
		if _, err := z.Set(ctx, zone.Set, []byte(key), v, ttl); err != nil {
			t.Fatal(err)
		}
		if z.Changes() == before {
			t.Errorf("%s: that it is set does not count as a change", key)
		}
	}
	set("a", zone.TextOf([]byte("10.0.0.1 <&> \u2028 \x00 é")), 0)
	set("long", zone.TextOf([]byte(strings.Repeat("l", 5000))), 0)
	set("int", zone.IntOf(math.MinInt64), 0)
	set("float", zone.FloatOf(2), 0)
	set("tiny", zone.FloatOf(5e-324), 0)
	set("bool", zone.BoolOf(true), 0)
	set("expires", zone.IntOf(1), time.Hour)
	set("infinite", zone.FloatOf(math.Inf(1)), 0)
	set("bytes", zone.TextOf([]byte("\xff")), 0)
	set("\xff", zone.TextOf([]byte("x")), 0)
	if _, err := z.Push(ctx, []byte("list"), zone.Left, zone.IntOf(1)); err != nil {
		t.Fatal(err)
	}
	c, lacks := z.Content()
	text := string(c.JSON())
	want := `{
  "a": "10.0.0.1 <&> \u2028 \u0000 é",
  "bool": true,
  "float": 2.0,
  "int": -9223372036854775808,
  "long": "` + strings.Repeat("l", 5000) + `",
  "tiny": 5e-324
}
`
	if text != want || lacks != 4 {
		t.Errorf("lacks %d keys: %s", lacks, text)
	}
	read, odd, err := zone.ParseContent([]byte(text))
	if err != nil || len(odd) > 0 || string(read.JSON()) != text {
		t.Errorf("read again: %v %q %s", err, odd, read.JSON())
	}
	other := zone.New(1 << 20)
	other.Replace(read)
	if again, _ := other.Content(); string(again.JSON()) != text {
		t.Errorf("in another zone: %s", again.JSON())
	}
	before := other.Changes()
	other.Replace(read)
	if other.Changes() != before {
		t.Error("what is there already is set again")
	}

	z.Replace(zone.Content{"a": zone.IntOf(1), "expires": zone.IntOf(2), "new": zone.IntOf(3)})
	if c, lacks := z.Content(); string(c.JSON()) != "{\n  \"a\": 1,\n  \"expires\": 2,\n  \"new\": 3\n}\n" || lacks != 4 {
		t.Errorf("replaced: lacks %d, %s", lacks, c.JSON())
	}
}

// All that changes the content counts, and what only reads it does not.
func TestChanges(t *testing.T) {
	z, ctx, key := zone.New(1<<20), t.Context(), []byte("key")
	one := zone.IntOf(1)
	for _, test := range []struct {
		name    string
		do      func()
		changes bool
	}{
		{"get of none", func() { z.Get(ctx, nil, key) }, false},
		{"delete of none", func() { z.Delete(ctx, key) }, false},
		{"incr of none", func() { z.Incr(ctx, key, one, zone.Value{}, 0) }, false},
		{"incr from", func() { z.Incr(ctx, key, one, one, 0) }, true},
		{"incr", func() { z.Incr(ctx, key, one, one, 0) }, true},
		{"get", func() { z.Get(ctx, nil, key) }, false},
		{"add", func() { z.Set(ctx, zone.Add, key, one, 0) }, false},
		{"replace", func() { z.Set(ctx, zone.Replace, key, one, 0) }, true},
		{"swap of another", func() { z.CompareAndSwap(ctx, key, zone.IntOf(5), one, 0) }, false},
		{"swap", func() { z.CompareAndSwap(ctx, key, one, zone.IntOf(2), 0) }, true},
		{"expire", func() { z.Expire(ctx, key, time.Hour) }, true},
		{"expire never", func() { z.Expire(ctx, key, 0) }, true},
		{"hold", func() { z.Hold(ctx, key, 9) }, true},
		{"release", func() { z.Release(ctx, key, 0) }, true},
		{"content", func() { z.Content() }, false},
		{"delete", func() { z.Delete(ctx, key) }, true},
		{"flush of none", func() { z.Flush(ctx) }, false},
		{"set", func() { z.Set(ctx, zone.Set, key, one, 0) }, true},
		{"flush", func() { z.Flush(ctx) }, true},
		{"resize", func() { z.Resize(4 << 20) }, true},
	} {
		before := z.Changes()
		test.do()
		if got := z.Changes() != before; got != test.changes {
			t.Errorf("%s: a change is %t, want %t", test.name, got, test.changes)
		}
	}
}

func TestParseContent(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                  "{}\n",
		" {\"a\": \"b\"}\n\n": "{\n  \"a\": \"b\"\n}\n",
		`{"a": 1, "b": 1.0, "c": 1e3, "d": 9223372036854775808, "e": -0}`: "{\n  \"a\": 1,\n  \"b\": 1.0,\n  \"c\": 1000.0,\n  \"d\": 9.223372036854776e+18,\n  \"e\": 0\n}\n",
		`{"a": 1, "a": 2}`: "{\n  \"a\": 2\n}\n",
		`{"a": null, "b": [1], "c": {}, "": 1, "d": 1e999, "e": true}`: "{\n  \"e\": true\n}\n odd [ a b c d]",
		``:                  "it is empty",
		"\n \n":             "it is empty",
		`null`:              "it is no JSON object",
		"{\n\"a\": 1,\n}":   "line 3: invalid character '}' looking for beginning of object key string",
		"{\"a\": 1":         "unexpected EOF",
		`{} {}`:             "something follows the JSON object",
		`{} x`:              "line 1: invalid character 'x' looking for beginning of value",
		`["a"]`:             "it is no JSON object",
		"{\"a\": \"\xff\"}": "it is no UTF-8",
		"\xef\xbb\xbf{}":    "line 1: invalid character 'ï' looking for beginning of value",
		`{"` + strings.Repeat("k", 64<<10+1) + `": 1}`: "{}\n odd [" + strings.Repeat("k", 64<<10+1) + "]",
	} {
		c, odd, err := zone.ParseContent([]byte(text))
		got := string(c.JSON())
		if len(odd) > 0 {
			got += " odd [" + strings.Join(odd, " ") + "]"
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%.60q: got %.200q, want %.200q", text, got, want)
		}
	}
}

// What there is no room for is left out, and the rest is there.
func TestReplaceWithoutRoom(t *testing.T) {
	z := zone.New(zone.MinSize)
	c := zone.Content{"large": zone.TextOf(make([]byte, zone.MinSize))}
	for n := range 2000 {
		c[strconv.Itoa(n)] = zone.IntOf(int64(n))
	}
	z.Replace(c)
	there, _ := z.Content()
	if n := len(c); n != zone.MinSize/zone.EntryOverhead || len(there) != n || string(there.JSON()) != string(c.JSON()) {
		t.Errorf("%d keys are said to be there, and %d are", n, len(there))
	}
	if _, fits := c["large"]; fits {
		t.Error("a text fits that is as large as the zone")
	}
}

// A content that is taken while others write has what nobody touches.
func TestContentHammer(t *testing.T) {
	z, ctx := zone.New(4<<20), t.Context()
	for n := range 1000 {
		z.Set(ctx, zone.Set, []byte("still"+strconv.Itoa(n)), zone.IntOf(int64(n)), 0)
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for w := range 4 {
		writing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				key := []byte("moves" + strconv.Itoa(w) + " " + strconv.Itoa(n%500))
				z.Set(ctx, zone.Set, key, zone.TextOf(key), 0)
				z.Incr(ctx, []byte("count"), zone.IntOf(1), zone.IntOf(0), 0)
				if n%3 == 0 {
					z.Delete(ctx, key)
				}
			}
		})
	}
	for range 50 {
		c, lacks := z.Content()
		for n := range 1000 {
			if v := c["still"+strconv.Itoa(n)]; v.Kind != zone.Int || v.Int() != int64(n) {
				t.Fatalf("still%d is %v", n, v)
			}
		}
		if lacks != 0 {
			t.Fatalf("%d keys are left out", lacks)
		}
		for key, v := range c {
			if strings.HasPrefix(key, "moves") && string(v.Text()) != key {
				t.Fatalf("%s is %q", key, v.Text())
			}
		}
	}
	close(stop)
	writing.Wait()
}

// What is read is written so that it is read again as the same.
func FuzzParseContent(f *testing.F) {
	f.Add([]byte(`{"a": "b", "c": 1, "d": 1.5, "e": true, "f": [null], "g": 1e999}`))
	f.Add([]byte("{\"\\ud800\": \"\\u0000\u2028\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := zone.ParseContent(data)
		if err != nil {
			return
		}
		text := c.JSON()
		again, odd, err := zone.ParseContent(text)
		if err != nil || len(odd) > 0 || len(again) != len(c) {
			t.Fatalf("%v %q: %d keys of %d", err, odd, len(again), len(c))
		}
		for key, v := range c {
			if !v.Equal(again[key]) {
				t.Fatalf("%q: %v becomes %v", key, v, again[key])
			}
		}
	})
}

package zone_test

import (
	"strings"
	"testing"
	"time"

	"phasm/plugins/zone"
)

func TestAllocations(t *testing.T) {
	z := zone.New(1 << 20)
	ctx := t.Context()
	key, dst := []byte("client 192.0.2.1"), make([]byte, 0, 4096)
	text := zone.TextOf([]byte(strings.Repeat("v", 3000)))
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"set", func() { z.Set(ctx, zone.Set, key, text, time.Second) }},
		{"get", func() { z.Get(ctx, dst, key) }},
		{"set a number", func() { z.Set(ctx, zone.Set, key, zone.IntOf(1), 0) }},
		{"incr", func() { z.Incr(ctx, key, zone.IntOf(1), zone.IntOf(0), time.Second) }},
		{"hold", func() { z.Hold(ctx, key[:6], 2); z.Release(ctx, key[:6], 0) }},
		{"ttl", func() { z.TTL(ctx, key); z.Expire(ctx, key, time.Second) }},
		{"swap", func() { z.CompareAndSwap(ctx, key, text, text, 0) }},
		{"delete", func() { z.Delete(ctx, key); z.Set(ctx, zone.Add, key, zone.BoolOf(true), 0) }},
		{"list", func() { z.Push(ctx, key[:5], zone.Left, text); z.Pop(ctx, dst, key[:5], zone.Right, 1<<20) }},
		{"keys", func() { z.Keys(ctx, dst, 10) }},
	} {
		if n := testing.AllocsPerRun(100, c.do); n != 0 {
			t.Errorf("%s allocates %v times", c.name, n)
		}
	}
}

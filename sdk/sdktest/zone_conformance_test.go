//go:build !wasip1

package sdktest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/sdktest"
)

// zoneValues are values of all kinds.
var zoneValues = []sdk.Value{
	sdk.Text("text"), sdk.Text(""), sdk.Text(strings.Repeat("long ", 100)), sdk.Text(strings.Repeat("longer ", 1000)),
	sdk.Int(0), sdk.Int(-7), sdk.Int(math.MaxInt64), sdk.Float(2.5), sdk.Float(math.Inf(1)), sdk.Float(math.NaN()),
	sdk.Bool(true), sdk.Bool(false),
}

// A lock that is held for longer ends when it says, for the one as for the
// other.
func TestLocksConform(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		l := sdk.Lock{Zone: sdk.OpenZone("zone"), Expiry: sdk.TTL(time.Hour), Timeout: -1}
		held, err := l.Take("k")
		out.add("take", err)
		_, err = l.Take("k")
		out.add("again", err)
		for _, ttl := range []sdk.TTL{0, sdk.TTL(time.Minute), -1, sdk.TTL(20 * time.Millisecond)} {
			out.add("expire", ttl, held.Expire(ttl))
		}
		out.add("ended", sdk.Sleep(30*time.Millisecond), held.Expire(0), held.Release())
		other, err := l.Take("k")
		out.add("other", err, held.Expire(0), held.Release(), other.Release(), other.Release())
	}})
}

func TestZones(t *testing.T) {
	show := func(v sdk.Value, err error) string { return fmt.Sprintf("%d %.30q %v", v.Kind(), v, err) }
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		z, read, other := sdk.OpenZone("zone"), sdk.OpenZone("read"), sdk.OpenZone("other")
		for _, v := range zoneValues {
			out.add("set", z.Set("k", v, 0))
			out.add("get", show(z.Get("k")))
			b, err := z.Append(nil, "k")
			out.add("append", fmt.Sprintf("%.30q", b), err)
			_, err = z.Incr("k", 1)
			out.add("incr", err)
			out.add("get", show(z.Get("k")))
			out.add("swap", z.CompareAndSwap("k", v, sdk.Int(1), sdk.TTL(time.Hour)))
			out.add("swap", z.CompareAndSwap("k", sdk.Value{}, sdk.Int(1), 0), z.CompareAndSwap("none", v, v, 0), z.CompareAndSwap("none", v, sdk.Value{}, 0))
			n, err := z.PushRight("l", v)
			out.add("push", n, err)
			n, err = z.PushLeft("l", v)
			out.add("push", n, err)
		}
		for _, mode := range []abi.ZoneMode{-1, 0, 1, 2, 3, 4, 5} {
			for _, key := range []string{"", "k", "missing", "l", strings.Repeat("k", 64<<10), strings.Repeat("k", 64<<10+1)} {
				forcible, err := z.Put(mode, key, sdk.Text("put"), 0)
				out.add("put", mode, fmt.Sprintf("%.10q", key), forcible, err)
				out.add("delete", z.Delete(key))
				n, err := z.PushLeft("l", sdk.Int(int64(mode)))
				out.add("push", n, err)
			}
		}
		keys, err := z.Keys(10)
		slices.Sort(keys)
		out.add("keys", keys, err)
		info, err := z.Info()
		out.add("info", info, err)
		for {
			n, err := z.Len("l")
			out.add("len", n, err)
			left, err := z.PopLeft("l")
			out.add("left", show(left, err))
			right, err := z.PopRight("l")
			out.add("right", show(right, err))
			if err != nil {
				break
			}
		}
		out.add("set", z.Set("k", sdk.Text("v"), 0))
		_, err = z.PopLeft("k")
		out.add("pop", err)
		_, err = z.PushLeft("k", sdk.Int(1))
		out.add("push", err)
		_, err = z.Len("k")
		out.add("len", err)
		ttl, err := z.TTL("k")
		out.add("ttl", ttl, err)
		_, err = z.TTL("none")
		out.add("ttl", err)
		out.add("expire", z.Expire("k", sdk.TTL(time.Hour)), z.Expire("none", 1), z.Expire("k", -1))
		for range 3 {
			n, err := z.IncrFrom("n", 2, 5, sdk.TTL(time.Hour))
			out.add("from", n, err)
		}
		sum, err := z.IncrValue("n", sdk.Float(0.5), sdk.Value{}, 0)
		out.add("sum", show(sum, err))
		sum, err = z.IncrValue("n", sdk.Text("1"), sdk.Value{}, 0)
		out.add("sum", show(sum, err))
		sum, err = z.IncrValue("m", sdk.Int(1), sdk.Bool(true), 0)
		out.add("sum", show(sum, err))
		out.add("stale", z.Set("s", sdk.Text("old"), 1), sdk.Sleep(3*time.Millisecond))
		_, err = z.Get("s")
		out.add("get", err)
		v, stale, err := z.GetStale("s")
		out.add("stale", show(v, err), stale)
		n, err := z.FlushExpired(-1)
		out.add("flush", n, err)
		n, err = z.FlushExpired(0)
		out.add("flush", n, err)
		n, err = z.Flush()
		out.add("flush", n, err)
		for range 3 {
			n, err := z.Hold("h", 2)
			out.add("hold", n, err)
		}
		n, err = z.Hold("h", 0)
		out.add("hold", n, err)
		out.add("get", show(z.Get("h")))

		out.add("read", show(read.Get("k")), read.Set("k", sdk.Int(1), 0), read.Delete("k"))
		n, err = read.Flush()
		out.add("read", n, err)
		out.add("other", show(other.Get("k")), other.Set("k", sdk.Int(1), 0))
		for _, id := range []int32{-1, 2, 100} {
			out.add("no zone", imports.ZoneGet(id, "k", 0, nil), imports.ZoneLen(id, "k"), imports.ZoneTtl(id, "k"), imports.ZoneHold(id, "k", 1))
		}
		for _, value := range []string{"", "\x00", "\x02", "\x02\x00", "\x04", "\x04\x02", "\x05", "\x81a"} {
			out.add("value", imports.ZoneSet(0, 0, "k", value, 0), imports.ZonePush(0, "l", 0, value),
				imports.ZoneIncr(0, "k", value, "", 0, make([]byte, 9)), imports.ZoneIncr(0, "k", value, "", 0, nil), imports.ZoneCas(0, "k", value, "\x01", 0))
		}
	}})
}

// TestFullZone fills a zone with what does not fit.
func TestFullZone(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		z := sdk.OpenZone("zone")
		r := rand.New(rand.NewPCG(1, 2))
		for range 3000 {
			key := fmt.Sprint("key ", r.IntN(300))
			v := sdk.Text(strings.Repeat("v", r.IntN(900)))
			switch r.IntN(8) {
			case 0:
				out.add(key, z.SafeSet(key, v, 0))
			case 1:
				n, err := z.PushRight(key, v)
				out.add(key, n, err)
			case 2:
				_, err := z.Get(key)
				out.add(key, err)
			case 3:
				n, err := z.IncrFrom(key, 1, 0, 0)
				out.add(key, n, err)
			default:
				forcible, err := z.Put(abi.ZoneMode(r.IntN(5)), key, v, 0)
				out.add(key, forcible, err)
			}
		}
		info, err := z.Info()
		out.add("info", info, err)
	}})
}

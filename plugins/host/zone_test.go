package host_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/zone"
	"phasm/sdk/abi"
)

// Errors of zones as results.
const (
	exists    = int64(abi.Exists)
	notNumber = int64(abi.NotNumber)
	notList   = int64(abi.NotList)
	isList    = int64(abi.IsList)
	busy      = int64(abi.Busy)
)

// exampleZones are a zone to read and write, and one to read.
func exampleZones() []host.Zone {
	return []host.Zone{
		{Name: "x-a", Store: zone.New(zone.MinSize), Write: true},
		{Name: "read", Store: zone.New(zone.MinSize)},
	}
}

// fillZones puts something into the first zone of the guest, if it has any.
func (g *guest) fillZones() {
	if g.bare {
		return
	}
	const zone = 0
	g.ask("zone_flush", zone, 0, 0)
	g.ask("zone_set", zone, 0, "x-a", "\x01of the zone", time.Duration(0))
	g.ask("zone_push", zone, "list", 0, "\x01element")
}

// goodZoneText is what functions of zones take for a text.
func goodZoneText(f *host.Function, parameter string) string {
	switch {
	case parameter == "value" || parameter == "old" || parameter == "new":
		return "\x01of the zone"
	case parameter == "delta" || parameter == "init":
		return integer(1)
	case parameter == "key" && (f.Name == "zone_incr" || f.Name == "zone_hold"):
		return "number"
	case parameter == "key" && (f.Name == "zone_push" || f.Name == "zone_pop" || f.Name == "zone_len"):
		return "list"
	}
	return "x-a"
}

// integer is a number as zones' values have it.
func integer(n int64) string {
	return string(binary.LittleEndian.AppendUint64([]byte{2}, uint64(n)))
}

func double(f float64) string {
	return string(binary.LittleEndian.AppendUint64([]byte{3}, math.Float64bits(f)))
}

const forever = time.Duration(0)

func TestZone(t *testing.T) {
	g := newGuest(t)
	for phase := range abi.NumPhases {
		g.begin(phase)
		g.want(0, "zone_open", "x-a")
		g.want(1, "zone_open", "read")
		g.want(notGranted, "zone_open", "other")
		g.want(notGranted, "zone_open", "x-a:read")
		g.want(notGranted, "zone_open", "")

		g.wantText("\x01of the zone", "zone_get", 0, "x-a", 0)
		g.wantText("\x01of the zone", "zone_get", 0, "x-a", 1)
		g.want(notFound, "zone_get", 0, "none", 0)
		g.want(isList, "zone_get", 0, "list", 0)
		g.want(badArgument, "zone_get", 0, "x-a", 2)
		g.want(notFound, "zone_get", 1, "x-a", 0)
		for _, value := range []string{integer(-5), double(2.5), "\x04\x00", "\x04\x01", "\x01", "\x01" + strings.Repeat("v", 20_000)} {
			g.want(0, "zone_set", 0, 0, "k", value, time.Hour)
			g.wantText(value, "zone_get", 0, "k", 0)
		}
		for _, value := range []string{"", "\x00", "\x02", "\x02\x00", "\x03\x00\x00\x00\x00\x00\x00\x00", "\x04", "\x04\x02", "\x05", "\x81a"} {
			g.want(badArgument, "zone_set", 0, 0, "k", value, forever)
			g.want(badArgument, "zone_push", 0, "list", 0, value)
		}
		for _, zone := range []int{-1, 2, math.MaxInt32} {
			g.want(badArgument, "zone_get", zone, "x-a", 0)
			g.want(badArgument, "zone_set", zone, 0, "x-a", "\x01", forever)
			g.want(badArgument, "zone_ttl", zone, "x-a")
		}
		g.want(badArgument, "zone_set", 0, 0, "", "\x01", forever)
		g.want(badArgument, "zone_set", 0, 5, "k", "\x01", forever)
		g.want(badArgument, "zone_set", 0, -1, "k", "\x01", forever)
		g.want(badArgument, "zone_set", 0, 0, "k", "\x01", time.Duration(-1))
		g.want(exists, "zone_set", 0, 2, "k", "\x01", forever)
		g.want(notFound, "zone_set", 0, 4, "none", "\x01", forever)
		g.want(noMemory, "zone_set", 0, 0, "k", "\x01"+strings.Repeat("v", 1<<16), forever)
		g.want(notNumber, "zone_incr", 0, "k", integer(1), "", forever)

		g.want(notFound, "zone_incr", 0, "n", integer(1), "", forever)
		g.want(badArgument, "zone_incr", 0, "n", "\x011", "", forever)
		result, _ := g.ask("zone_incr", 0, "n", integer(1), integer(4), time.Hour, buffer(8))
		if result != 9 {
			t.Errorf("an increment without room answers %d", result)
		}
		for want := int64(5); want < 8; want++ {
			if result, got := g.ask("zone_incr", 0, "n", integer(1), integer(4), time.Hour, buffer(20)); result != 9 || got != integer(want) {
				t.Errorf("an increment answers %d, %q, want %d", result, got, want)
			}
		}
		if ttl := g.raw("zone_ttl", g.arguments(0, "n")...); ttl <= 0 || ttl > int64(time.Hour) {
			t.Errorf("the TTL is %v", time.Duration(ttl))
		}
		g.want(0, "zone_expire", 0, "n", forever)
		g.want(0, "zone_ttl", 0, "n")
		g.want(notFound, "zone_ttl", 0, "none")

		g.want(exists, "zone_cas", 0, "n", integer(6), integer(1), forever)
		g.want(done, "zone_cas", 0, "n", integer(7), double(1), forever)
		g.want(done, "zone_cas", 0, "n", double(1), "", forever)
		g.want(notFound, "zone_cas", 0, "n", double(1), "", forever)
		g.want(done, "zone_cas", 0, "n", "", "\x01a", forever)
		g.want(exists, "zone_cas", 0, "n", "", "\x01a", forever)
		g.want(badArgument, "zone_cas", 0, "n", "", "", forever)

		g.want(2, "zone_push", 0, "list", 1, integer(3))
		g.want(badArgument, "zone_push", 0, "list", 2, integer(3))
		g.want(notList, "zone_push", 0, "n", 1, integer(3))
		if result, _ := g.ask("zone_pop", 0, "list", 1, buffer(8)); result != 9 {
			t.Errorf("a pop without room answers %d", result)
		}
		g.want(2, "zone_len", 0, "list")
		if result, got := g.ask("zone_pop", 0, "list", 1, buffer(9)); result != 9 || got != integer(3) {
			t.Errorf("a pop answers %d, %q", result, got)
		}
		g.want(badArgument, "zone_pop", 0, "list", -1)
		g.want(notList, "zone_len", 0, "n")
		g.want(0, "zone_len", 0, "none")

		g.want(done, "zone_delete", 0, "k")
		g.want(done, "zone_delete", 0, "k")
		g.want(badArgument, "zone_keys", 0, 0)
		g.want(badArgument, "zone_keys", 0, 1<<16+1)
		if _, keys := g.ask("zone_keys", 0, 10, buffer(100)); len(unlist(keys)) != 3 {
			t.Errorf("the keys are %q, want list, n and x-a", unlist(keys))
		}
		if _, info := g.ask("zone_info", 0, buffer(24)); len(info) != 24 || binary.LittleEndian.Uint64([]byte(info)) != zone.MinSize || info[16] != 3 {
			t.Errorf("the info is %x", info)
		}
		g.want(badArgument, "zone_flush", 0, 2, 0)
		g.want(badArgument, "zone_flush", 0, 1, -1)
		g.want(0, "zone_flush", 0, 1, 0)
		g.want(3, "zone_flush", 0, 0, 0)
	}
}

// arguments are raw arguments: numbers, and texts somewhere in memory.
func (g *guest) arguments(args ...any) (raw []uint64) {
	at := uint64(1 << 14)
	for _, arg := range args {
		switch v := arg.(type) {
		case int:
			raw = append(raw, uint64(v))
		case string:
			g.memory.WriteString(uint32(at), v)
			raw = append(raw, at, uint64(len(v)))
			at += uint64(len(v))
		}
	}
	return raw
}

// What has expired is found by those who ask for it, marked.
func TestStaleZoneValue(t *testing.T) {
	g := newGuest(t)
	g.begin(abi.Content)
	g.want(0, "zone_set", 0, 0, "k", "\x01old", time.Nanosecond)
	for { // until its millisecond is over
		if result, _ := g.ask("zone_get", 0, "k", 0, buffer(10)); result == notFound {
			break
		}
	}
	g.wantText("\x81old", "zone_get", 0, "k", 1)
}

// A plugin that may only read changes nothing.
func TestReadingZone(t *testing.T) {
	g := newGuest(t)
	g.begin(abi.Access)
	for name, args := range map[string][]any{
		"zone_set": {1, 0, "k", "\x01v", forever}, "zone_incr": {1, "k", integer(1), integer(0), forever}, "zone_cas": {1, "k", "", "\x01v", forever},
		"zone_delete": {1, "k"}, "zone_expire": {1, "k", forever}, "zone_push": {1, "k", 0, "\x01v"}, "zone_pop": {1, "k", 0},
		"zone_flush": {1, 0, 0}, "zone_hold": {1, "k", 1},
	} {
		g.want(notGranted, name, args...)
	}
	g.want(notFound, "zone_get", 1, "k", 0)
	g.want(0, "zone_len", 1, "k")
	g.want(0, "zone_keys", 1, 1)
	g.want(24, "zone_info", 1)
	if lines := g.lines(); len(lines) != 1 || lines[0]["msg"] != `zones "read" is not granted: add it to zones in [plugins.p.grants]` {
		t.Errorf("logged %v", lines)
	}
}

// The kinds that host and guests share are the store's.
func TestValueKinds(t *testing.T) {
	for kind, same := range map[abi.ValueKind]zone.Kind{
		abi.ValueText: zone.Text, abi.ValueInt: zone.Int, abi.ValueFloat: zone.Float, abi.ValueBool: zone.Bool,
	} {
		if byte(kind) != byte(same) {
			t.Errorf("kind %d is %d in the store", kind, same)
		}
	}
	for mode, same := range map[abi.ZoneMode]zone.Mode{
		abi.ZoneSet: zone.Set, abi.ZoneSafeSet: zone.SafeSet, abi.ZoneAdd: zone.Add, abi.ZoneSafeAdd: zone.SafeAdd, abi.ZoneReplace: zone.Replace,
	} {
		if byte(mode) != byte(same) {
			t.Errorf("mode %d is %d in the store", mode, same)
		}
	}
	if byte(abi.ZoneLeft) != byte(zone.Left) || byte(abi.ZoneRight) != byte(zone.Right) {
		t.Error("the ends are others in the store")
	}
}

// failing is a store somewhere else that cannot be reached.
type failing struct {
	zone.Store
	err error
}

func (f failing) Get(context.Context, []byte, []byte) (zone.Value, error) { return zone.Value{}, f.err }

func TestZoneErrors(t *testing.T) {
	for err, want := range map[error]int64{
		context.DeadlineExceeded: timeout, context.Canceled: closed, errors.New("connection refused"): ioError,
	} {
		g := newGuest(t)
		given := grants(g.sender)
		given.Zones[0].Store = failing{err: err}
		g.call.Plugin = host.NewPlugin("p", nil, given, g.call.Plugin.Log, g.registry)
		g.want(want, "zone_get", 0, "k", 0)
	}
}

func TestZoneHold(t *testing.T) {
	g := newGuest(t)
	g.begin(abi.Access)
	g.want(badArgument, "zone_hold", 0, "k", 0)
	g.want(badArgument, "zone_hold", 0, "", 1)
	g.want(1, "zone_hold", 0, "k", 2)
	g.want(2, "zone_hold", 0, "k", 2)
	g.want(1, "zone_hold", 0, strings.Repeat("l", 100), 2)
	g.want(busy, "zone_hold", 0, "k", 2)
	g.wantText(integer(2), "zone_get", 0, "k", 0)
	g.want(notNumber, "zone_hold", 0, "list", 2)
	g.call.Exchange.Reset()
	g.want(notFound, "zone_get", 0, "k", 0)
	g.want(notFound, "zone_get", 0, strings.Repeat("l", 100), 0)
	for n := range 64 {
		g.want(int64(n+1), "zone_hold", 0, "k", 100)
	}
	g.want(noMemory, "zone_hold", 0, "k", 100)
	g.call.Exchange.Release()
	g.want(notFound, "zone_get", 0, "k", 0)
}

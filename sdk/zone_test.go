//go:build !wasip1

package sdk_test

import (
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestZone(t *testing.T) {
	sdktest.New(t, nil, sdktest.Zone("zone", 64<<10), sdktest.ReadZone("read", map[string]string{"k": "v"}))
	z := sdk.OpenZone("zone")
	for want, v := range map[string]sdk.Value{
		"text": sdk.Text("text"), long: sdk.Text(long), "-5": sdk.Int(-5), "2.5": sdk.Float(2.5), "true": sdk.Bool(true), "false": sdk.Bool(false),
	} {
		fails(t, "set", z.Set("k", v, sdk.TTL(time.Minute)), nil)
		got, err := z.Get("k")
		fails(t, "get", err, nil)
		equal(t, "get", got, v)
		equal(t, "text", got.String(), want)
		b, err := z.Append([]byte("> "), "k")
		fails(t, "append", err, nil)
		equal(t, "append", string(b), "> "+want)
	}
	fails(t, "add", z.Add("k", sdk.Int(1), 0), sdk.ErrExists)
	fails(t, "add", z.SafeAdd("k", sdk.Int(1), 0), sdk.ErrExists)
	fails(t, "replace", z.Replace("none", sdk.Int(1), 0), sdk.ErrNotFound)
	fails(t, "set", z.SafeSet("k", sdk.Text(string(make([]byte, 70_000))), 0), sdk.ErrNoMemory)
	ttl, err := z.TTL("k")
	fails(t, "ttl", err, nil)
	equal(t, "ttl", ttl, sdk.TTL(time.Minute))
	if _, err := z.Get("none"); err != sdk.ErrNotFound {
		t.Errorf("a key that is missing: %v", err)
	}

	fails(t, "set", z.Set("f", sdk.Float(2.5), 0), nil)
	sum, err := z.Incr("f", 2)
	fails(t, "incr", err, nil)
	equal(t, "a float's sum", sum, 4)
	sum, err = z.IncrFrom("n", -3, 1, 0)
	fails(t, "incr", err, nil)
	equal(t, "a new key's sum", sum, -2)

	read := sdk.OpenZone("read")
	v, err := read.Get("k")
	fails(t, "read", err, nil)
	equal(t, "read", v.String(), "v")
	fails(t, "write", read.Delete("k"), sdk.ErrNotGranted)
}

func TestValue(t *testing.T) {
	for _, test := range []struct {
		v     sdk.Value
		n     int64
		f     float64
		b     bool
		label string
	}{
		{sdk.Value{}, 0, 0, false, ""}, {sdk.Text("12"), 0, 0, false, "12"}, {sdk.Int(7), 7, 7, false, "7"},
		{sdk.Float(-7.9), -7, -7.9, false, "-7.9"}, {sdk.Float(1e30), 1<<63 - 1, 1e30, false, "1e+30"},
		{sdk.Float(-1e30), -1 << 63, -1e30, false, "-1e+30"}, {sdk.Bool(true), 0, 0, true, "true"},
	} {
		equal(t, test.label+" as int", test.v.Int(), test.n)
		equal(t, test.label+" as float", test.v.Float(), test.f)
		equal(t, test.label+" as bool", test.v.Bool(), test.b)
		equal(t, "text", test.v.String(), test.label)
	}
}

// A zone that is not granted fails the plugin.
func TestZoneMissing(t *testing.T) {
	sdktest.New(t, nil)
	z := sdk.OpenZone("zone")
	if _, err := sdktest.Start(nil); err == nil {
		t.Error("the plugin has started")
	}
	if _, err := z.Incr("k", 1); err != sdk.ErrNotGranted {
		t.Errorf("incr: %v", err)
	}
}

//go:build !wasip1

package sdk_test

import (
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestCountLimit(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("zone", 0))
	z := sdk.OpenZone("zone")
	l := sdk.CountLimit{Zone: z, Limit: 3, Window: sdk.TTL(time.Minute)}
	take := func(ok bool, remaining int, reset time.Duration) {
		t.Helper()
		c, err := l.Take("k")
		fails(t, "take", err, nil)
		equal(t, "count", c, sdk.Count{OK: ok, Remaining: remaining, Reset: sdk.TTL(reset)})
	}
	take(true, 2, time.Minute)
	h.Advance(20 * time.Second)
	take(true, 1, 40*time.Second)
	take(true, 0, 40*time.Second)
	take(false, 0, 40*time.Second)
	h.Advance(40 * time.Second)
	take(true, 2, time.Minute)
}

func TestRateLimit(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("zone", 0))
	z := sdk.OpenZone("zone")
	l := sdk.RateLimit{Zone: z, Rate: 10, Burst: 2}
	for i, want := range []struct {
		after, delay time.Duration
		excess       float64
		err          error
	}{
		{0, 0, 0, nil}, {0, 100 * time.Millisecond, 1, nil}, {0, 200 * time.Millisecond, 2, nil}, {0, 0, 3, sdk.ErrBusy},
		{50 * time.Millisecond, 0, 2.5, sdk.ErrBusy}, {50 * time.Millisecond, 200 * time.Millisecond, 2, nil}, {time.Second, 0, 0, nil},
	} {
		h.Advance(want.after)
		delay, excess, err := l.Take("k")
		if delay != int64(want.delay) || excess != want.excess || err != want.err {
			t.Errorf("request %d: %v, %v, %v, want %v", i, time.Duration(delay), excess, err, want)
		}
	}
	l.Rate = 0
	_, _, err := l.Take("k")
	fails(t, "no rate", err, sdk.ErrBadArgument)
}

func TestConnLimit(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("zone", 0))
	z := sdk.OpenZone("zone")
	l := sdk.ConnLimit{Zone: z, Max: 1, Burst: 2, Delay: sdk.TTL(time.Second)}
	var delay int64
	var err error
	sdk.Access(func(r *sdk.Request) sdk.Action {
		delay, err = l.Take("k")
		return sdk.Continue
	})
	var running []*sdktest.Exchange
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second} {
		x := h.Begin(sdktest.Request{})
		x.Run(abi.Access)
		if running = append(running, x); err != nil || delay != int64(want) {
			t.Errorf("connection %d: %v, %v, want %v", i, time.Duration(delay), err, want)
		}
	}
	h.Do(sdktest.Request{})
	fails(t, "one too many", err, sdk.ErrBusy)
	for _, x := range running {
		x.End()
	}
	h.Do(sdktest.Request{})
	fails(t, "afterwards", err, nil)
	if _, err := z.Get("k"); err != sdk.ErrNotFound {
		t.Errorf("the count is still there: %v", err)
	}
}

func TestLock(t *testing.T) {
	h := sdktest.New(t, nil, sdktest.Zone("zone", 0))
	z := sdk.OpenZone("zone")
	l := sdk.Lock{Zone: z}
	unlock, err := l.Acquire("k")
	fails(t, "acquire", err, nil)
	before := h.Now()
	_, err = l.Acquire("k")
	fails(t, "acquire again", err, sdk.ErrTimeout)
	equal(t, "waited", h.Now().Sub(before), 5*time.Second)
	fails(t, "unlock", unlock(), nil)
	fails(t, "unlock again", unlock(), sdk.ErrNotFound)

	unlock, err = l.Acquire("k")
	fails(t, "acquire", err, nil)
	h.Advance(26 * time.Second) // it ends while the next one waits
	unlock2, err := l.Acquire("k")
	fails(t, "acquire what has ended", err, nil)
	fails(t, "unlock what has ended", unlock(), sdk.ErrExists)
	fails(t, "unlock", unlock2(), nil)

	held, err := l.Take("k")
	fails(t, "take", err, nil)
	h.Advance(29 * time.Second)
	fails(t, "hold for longer", held.Expire(0), nil)
	h.Advance(29 * time.Second)
	fails(t, "and longer", held.Expire(sdk.TTL(time.Minute)), nil)
	_, err = l.Acquire("k")
	fails(t, "acquire what is held", err, sdk.ErrTimeout)
	h.Advance(54 * time.Second)
	fails(t, "a TTL that is none", held.Expire(-1), sdk.ErrBadArgument)
	unlock, err = l.Acquire("k")
	fails(t, "acquire what has ended", err, nil)
	fails(t, "hold what has ended", held.Expire(0), sdk.ErrExists)
	fails(t, "release what has ended", held.Release(), sdk.ErrExists)
	fails(t, "unlock", unlock(), nil)
	fails(t, "hold what nobody has", held.Expire(0), sdk.ErrNotFound)

	never := sdk.Lock{Zone: z, Timeout: -1}
	_, err = never.Acquire("k")
	fails(t, "try", err, nil)
	before = h.Now()
	_, err = never.Acquire("k")
	fails(t, "try again", err, sdk.ErrTimeout)
	equal(t, "waited", h.Now(), before)
}

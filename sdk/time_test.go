//go:build !wasip1

package sdk_test

import (
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestTime(t *testing.T) {
	h := sdktest.New(t, nil)
	equal(t, "time", time.Unix(0, sdk.Now()).UTC().String(), "2026-01-01 00:00:00 +0000 UTC")
	fails(t, "sleep", sdk.Sleep(1500*time.Millisecond), nil)
	fails(t, "sleep", sdk.Sleep(int64(5)), nil)
	equal(t, "time", sdk.Now(), h.Now().UnixNano())
	h.Advance(time.Hour)
	equal(t, "time", h.Now().String(), "2026-01-01 01:00:01.500000005 +0000 UTC")
	fails(t, "sleep backwards", sdk.Sleep(-time.Second), sdk.ErrBadArgument)
}

func TestSleepGone(t *testing.T) {
	gone := sdktest.Request{ClientGone: true}
	h, _ := during(t, abi.Content, gone, func(r *sdk.Request) {
		fails(t, "sleep", sdk.Sleep(time.Hour), sdk.ErrClosed)
		fails(t, "no sleep", sdk.Sleep(time.Duration(0)), nil)
	})
	equal(t, "time", h.Now().String(), "2026-01-01 00:00:00.1 +0000 UTC")
	during(t, abi.Log, gone, func(r *sdk.Request) { fails(t, "sleep in log", sdk.Sleep(time.Hour), nil) })
}

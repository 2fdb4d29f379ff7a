//go:build !wasip1

package sdk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

func TestTimers(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	var ran []string
	var every sdk.TimerID
	note := func(timer *sdk.Timer) error {
		at := time.Unix(0, sdk.Now()).UTC().Format("05")
		ran = append(ran, fmt.Sprint(at, " ", timer.Name, " ", timer.Data, " ", timer.Premature))
		if timer.Data == "last" {
			return every.Cancel()
		}
		return nil
	}
	sdk.OnTimer("once", note)
	sdk.OnTimer("again", note)
	sdk.InitWorker(func() (err error) {
		if every, err = sdk.Every(2*time.Second, "again", "x"); err != nil {
			return err
		}
		_, err = sdk.After(5*time.Second, "once", "last")
		return errors.Join(err, started(sdk.After(3*time.Second, "once", "first")), started(sdk.Every(time.Minute, "again", "slow")))
	})
	h := sdktest.New(t, nil)
	h.Advance(10 * time.Second)
	h.Close()
	equal(t, "what ran", strings.Join(ran, ", "),
		"02 again x false, 03 once first false, 04 again x false, 05 once last false, 10 again slow true")
}

func started(_ sdk.TimerID, err error) error { return err }

func TestTimerErrors(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	sdk.OnTimer("t", func(*sdk.Timer) error { return nil })
	func() {
		defer func() { equal(t, "panic", fmt.Sprint(recover()), "sdk: two handlers for timers called t") }()
		sdk.OnTimer("t", func(*sdk.Timer) error { return nil })
	}()
	sdk.InitWorker(func() error {
		fails(t, "no interval", started(sdk.Every(time.Duration(0), "t", "")), sdk.ErrBadArgument)
		fails(t, "a short interval", started(sdk.Every(time.Microsecond, "t", "")), sdk.ErrBadArgument)
		fails(t, "the past", started(sdk.After(-time.Second, "t", "")), sdk.ErrBadArgument)
		fails(t, "no name", started(sdk.After(time.Second, "", "")), sdk.ErrBadArgument)
		fails(t, "no such timer", sdk.TimerID(7).Cancel(), sdk.ErrNotFound)
		for range 1024 {
			fails(t, "start", started(sdk.After(time.Hour, "t", "")), nil)
		}
		fails(t, "too many", started(sdk.After(time.Hour, "t", "")), sdk.ErrNoMemory)
		return nil
	})
	sdk.Init(func() error {
		fails(t, "in init", started(sdk.After(time.Second, "t", "")), sdk.ErrWrongPhase)
		return nil
	})
	sdk.ExitWorker(func() error {
		fails(t, "in exit_worker", started(sdk.After(time.Second, "t", "")), sdk.ErrWrongPhase)
		return nil
	})
	h := sdktest.New(t, nil)
	h.Close()
}

// Command timer is a plugin that logs when its timers run: one at an interval,
// one that is due in an hour, and those that requests start.
package main

import (
	"time"

	"phasm/sdk"
)

func init() {
	sdk.OnTimer("tick", func(*sdk.Timer) error {
		sdk.Info("tick")
		return nil
	})
	sdk.OnTimer("late", func(t *sdk.Timer) error {
		if t.Premature {
			sdk.Info("premature: " + t.Data)
			if _, err := sdk.After(0*time.Second, "late", "again"); err != sdk.ErrClosed {
				return err
			}
		}
		return nil
	})
	sdk.OnTimer("soon", func(t *sdk.Timer) error {
		sdk.Info("asked for: " + t.Data)
		return nil
	})
	sdk.InitWorker(func() error {
		if _, err := sdk.Every(20*time.Millisecond, "tick", ""); err != nil {
			return err
		}
		_, err := sdk.After(time.Hour, "late", sdk.Config("data"))
		return err
	})
	sdk.ExitWorker(func() error {
		sdk.Info("exit_worker: " + sdk.Config("data"))
		return nil
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		if _, err := sdk.After(0*time.Second, "soon", r.URI()); err != nil {
			return r.Exit(500)
		}
		return sdk.Continue
	})
}

func main() {}

//go:build !linux

package host

import "time"

func yieldCore() {}

func restCore() { time.Sleep(courtesy) }

//go:build !linux

package host

import "time"

func shortenSlices() {}
func lengthenSlice() {}
func restoreSlice()  {}
func yieldCore()     {}

func restCore() { time.Sleep(courtesy) }

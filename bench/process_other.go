//go:build !linux

package main

import (
	"errors"
	"syscall"
)

func withSuite() *syscall.SysProcAttr { return nil }

// pin is the first thing done to start a server: the suite goes no further.
func pin(cores) error {
	return errors.New("the suite runs on Linux only: it keeps servers on their cores, and reads what they use from /proc")
}

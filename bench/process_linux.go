package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// withSuite has a process lead a group of its own, and end with the thread that
// starts it.
func withSuite() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// pin keeps the calling thread on some cores.
func pin(on cores) error {
	if len(on) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, core := range on {
		set.Set(core)
	}
	return unix.SchedSetaffinity(0, &set)
}

//go:build !linux

package server

import (
	"errors"
	"syscall"
)

// sharePort is for Linux only: elsewhere one of the sockets gets all
// connections.
func sharePort(string, string, syscall.RawConn) error {
	return errors.New("reuseport is for Linux only: drop it")
}

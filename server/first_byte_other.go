//go:build !unix

package server

import (
	"errors"
	"syscall"
)

func (c *conn) awaitByte() error {
	_, err := c.r.Peek(1)
	return err
}

func (c *conn) readFirst(uintptr) bool { return true }
func readNow(int, []byte) (int, error) { return 0, errors.ErrUnsupported }
func rawOf(*conn) syscall.RawConn      { return nil }

//go:build !unix

package server

import "errors"

type descriptor struct{ raw any }

func (c *conn) bind()           {}
func (c *conn) openDescriptor() {}

func (c *conn) awaitByte() error {
	_, err := c.r.Peek(1)
	return err
}

func (i *inlet) read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (c *conn) write(p []byte) (int, error) { return c.net.Write(p) }

//go:build !linux

package server

import (
	"errors"

	"phasm/server/static"
)

// Where there is no epoll each connection has a goroutine, which waits for its
// requests.

type (
	loops struct{}
	place struct{}
	reply struct{}
)

func (*passing) expect()    {}
func (*passing) rest() bool { return false }

func (*loops) open(*Server) {}
func (*loops) fit(*Server)  {}
func (*loops) close()       {}

func (c *conn) enter() bool                       { return false }
func (c *conn) leave()                            {}
func (c *conn) park() bool                        { return false }
func (c *conn) recall() bool                      { return false }
func (c *conn) serveRequests()                    {}
func (c *conn) stepAside()                        {}
func (c *conn) sever()                            { c.socket.Close() } // not TLS, which would say good-bye first
func (c *conn) read(p []byte) (int, error)        { return c.net.Read(p) }
func (c *conn) write(p []byte) (n int, err error) { return c.net.Write(p) }

func (c *conn) writeBoth(p, _ []byte) (int, error) { return c.write(p) }

func (c *conn) sendFile(*static.Part) (int64, error) { return 0, errors.ErrUnsupported }

//go:build !linux

package server

// Where there is no epoll each connection has a goroutine, which waits for its
// requests.

type (
	loops struct{}
	place struct{}
)

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

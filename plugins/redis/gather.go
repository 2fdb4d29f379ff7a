package redis

import (
	"net"
	"runtime"
)

// gathering is a connection whose writes gather commands. The library's writer
// runs as soon as the first goroutine has a command for it, and would send that
// one by a system call of its own although others are about to have theirs.
type gathering struct {
	net.Conn
	client *Client
}

// Write lets first whoever is ready to run queue its command: all of these go
// in the next write, together.
func (g gathering) Write(p []byte) (int, error) {
	if g.client.sent.Load() > 1 {
		runtime.Gosched()
	}
	return g.Conn.Write(p)
}

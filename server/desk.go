package server

import "bufio"

// desk is what a connection needs while it serves requests: buffers and an
// exchange. One that waits for a request in a loop has none, so that ten
// thousand of them cost little, and what is used all the time is the same memory
// for all of them.
type desk struct {
	r          *bufio.Reader
	headerSize int // the limit that r's buffer was made for
	w          *bufio.Writer
	x          exchange
}

// writeBuffer holds the head and a small body: one system call a response.
const writeBuffer = 4 << 10

// sitDown takes a desk, where the connection has none.
func (c *conn) sitDown() {
	if c.desk != nil {
		return
	}
	d, _ := c.server.desks.Get().(*desk)
	if d == nil {
		d = &desk{w: bufio.NewWriterSize(nil, writeBuffer)}
		d.x.init()
	}
	if size := int(c.config.Server.Limits.HeaderSize); size != d.headerSize {
		d.r, d.headerSize = bufio.NewReaderSize(nil, size), size
	}
	d.r.Reset((*inlet)(c))
	d.w.Reset(c)
	d.x.conn = c
	c.desk = d
}

// getUp gives the connection's desk to others. What is in its buffers is lost.
func (c *conn) getUp() {
	d := c.desk
	c.desk = nil
	d.x.conn = nil
	d.r.Reset(nil)
	d.w.Reset(nil)
	c.server.desks.Put(d)
}

// inlet is a connection as its reader reads from it.
type inlet conn

// Read implements io.Reader.
func (i *inlet) Read(p []byte) (int, error) { return (*conn)(i).read(p) }

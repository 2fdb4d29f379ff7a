package server

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// tunnel makes the connection one between client and peer, for the protocol
// that they have agreed on (RFC 9110, section 7.8), until either ends it or
// both have been silent for the upstream's read_timeout.
func (s *passing) tunnel() {
	x := s.x
	x.StepAside()
	x.keep = false
	h := &x.response.Header
	h.Set(fasthttp.HeaderConnection, "Upgrade")
	h.SetBytesV(fasthttp.HeaderUpgrade, s.head.upgrade)
	x.headSent, x.noBody = true, true
	n, _ := x.conn.w.Write(h.Header())
	x.BytesSent += int64(n)
	if x.sendErr = x.conn.w.Flush(); x.sendErr != nil {
		return
	}
	peer, client := s.conn.Net(), x.conn.net
	t := &tunnel{silence: time.Duration(s.proxy.config.ReadTimeout), cut: func() { peer.Close(); x.conn.sever() }}
	t.last.Store(time.Now().UnixNano())
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.copy(peer, client, x.conn.r)
	}()
	x.BodySent += t.copy(client, peer, s.conn.R)
	<-done
	x.conn.readDeadline, x.conn.writeDeadline = 0, 0
	x.sendErr = errTunnelEnded // the connection is of no more use
}

var errTunnelEnded = errors.New("the tunnel has ended")

// tunnel is what both directions know.
type tunnel struct {
	silence time.Duration
	last    atomic.Int64 // when something came, from either side
	cut     func()       // ends both sides; the client's socket is closed later, see sever
}

// tunnelLook is how often a silent direction looks whether the other is silent
// as well.
const tunnelLook = time.Second

// copy copies from one side to the other, at first what is in its buffer. Once
// that side ends it ends the other's.
func (t *tunnel) copy(to, from net.Conn, buffered *bufio.Reader) (n int64) {
	buffer := pieces.Get().(*[32 << 10]byte)
	defer pieces.Put(buffer)
	for {
		var piece []byte
		var err error
		if b := buffered.Buffered(); b > 0 {
			piece, _ = buffered.Peek(b)
			buffered.Discard(b)
		} else {
			from.SetReadDeadline(time.Now().Add(min(tunnelLook, t.silence)))
			var got int
			got, err = from.Read(buffer[:])
			piece = buffer[:got]
		}
		if len(piece) > 0 {
			t.last.Store(time.Now().UnixNano())
			to.SetWriteDeadline(time.Now().Add(t.silence))
			written, writeErr := to.Write(piece)
			n += int64(written)
			if err == nil {
				err = writeErr
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && time.Since(time.Unix(0, t.last.Load())) < t.silence && len(piece) == 0:
		case err == io.EOF:
			if half, ok := to.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				return n
			}
			t.cut()
			return n
		default:
			t.cut()
			return n
		}
	}
}

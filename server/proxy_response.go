package server

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"phasm/server/upstream"
)

// Errors of peers.
var (
	errLargeHead   = errors.New("the head of the peer's answer is too large")
	errNoUpgrade   = errors.New("the peer switches to a protocol that nobody has asked for")
	errTooManyInfo = errors.New("the peer sends nothing but interim answers")
)

// maxInterim is how many interim answers (1xx) a peer may send.
const maxInterim = 16

// receive reads the head of the peer's response, and passes interim ones on.
func (s *passing) receive() (err error) {
	s.keepOwn()
	for range maxInterim {
		if err = s.receiveHead(); err != nil {
			break
		}
		status := s.head.status
		if status == fasthttp.StatusSwitchingProtocols {
			wanted := s.x.upgrade()
			if s.upgraded = len(wanted) > 0 && bytes.EqualFold(wanted, s.head.upgrade); s.upgraded {
				return nil
			}
			err = errNoUpgrade
			break
		}
		if status >= 200 {
			return nil
		}
		if err = s.passInterim(); err != nil {
			break
		}
		err = errTooManyInfo
	}
	s.restoreOwn()
	if s.sender != nil { // it may be the client's fault
		s.sender.abort()
		err = errors.Join(s.sender.err, err)
		s.sender = nil
	}
	return err
}

// receiveHead reads one head, into the exchange's response.
func (s *passing) receiveHead() error {
	r := s.conn.R
	for scanned := 0; ; {
		head, _ := r.Peek(r.Buffered())
		if hasEnd(head[max(0, scanned-2):]) {
			n, err := s.head.parse(head, &s.x.response.Header, s.own)
			if err == nil {
				r.Discard(n)
			}
			return err
		}
		if scanned = len(head); scanned == r.Size() {
			return errLargeHead
		}
		if _, err := r.Peek(scanned + 1); errors.Is(err, bufio.ErrBufferFull) {
			return errLargeHead
		} else if err != nil {
			return unexpectedEnd(err)
		}
	}
}

// passInterim passes an interim answer on to a client that knows such.
func (s *passing) passInterim() error {
	x, h := s.x, &s.x.response.Header
	switch {
	case s.head.status == fasthttp.StatusContinue: // the server says that itself
	case x.conn.stream != nil:
		x.BytesSent += int64(x.conn.stream.sendInterim(h))
	case x.request.Header.IsHTTP11():
		n, _ := x.conn.w.Write(h.Header())
		x.BytesSent += int64(n)
		if err := x.conn.w.Flush(); err != nil {
			return errors.Join(upstream.ErrGone, err)
		}
	}
	s.restoreOwn()
	return nil
}

// respond makes the peer's response the exchange's. Its body is read as it is
// sent.
func (s *passing) respond() {
	x := s.x
	if s.upgraded {
		return // the rest is a tunnel
	}
	length := s.head.length
	bodiless := x.response.SkipBody || bodiless(s.head.status)
	s.reusable = !s.head.closes && (bodiless || length != lengthUntilEnd)
	if s.sender != nil {
		if s.sender.endsSoon() {
			s.reusable = s.reusable && s.sender.sent // else the peer would take the next request for the rest
			s.sender = nil
		} else { // the answer comes early
			s.reusable, x.keep = false, false
		}
	}
	switch {
	case bodiless:
		s.body.begin(s.conn, 0)
		if length >= 0 {
			x.response.Header.SetContentLength(int(length))
		} else if x.response.SkipBody {
			x.response.SetBodyStream(s, -1) // HEAD of a body whose length nobody knows
			return
		}
		s.Close()
	case length == 0:
		s.body.begin(s.conn, 0)
		s.Close()
	default:
		s.body.begin(s.conn, length)
		x.response.SetBodyStream(s, max(int(length), -1))
	}
}

// keepOwn keeps what plugins have put into the response's head so far: pairs of
// a name and a value, each with its length before it.
func (s *passing) keepOwn() {
	s.own = s.own[:0]
	for name, value := range s.x.response.Header.All() {
		s.own = appendPart(appendPart(s.own, name), value)
	}
}

// restoreOwn has the head hold that and nothing else.
func (s *passing) restoreOwn() {
	h := &s.x.response.Header
	h.Reset()
	h.SetNoDefaultContentType(true)
	for own := s.own; len(own) > 0; {
		var name, value []byte
		name, own = cutPart(own)
		value, own = cutPart(own)
		h.AddBytesKV(name, value)
	}
}

// isOwn tells whether plugins have set a header of that name. Cookies add up.
func isOwn(own, name []byte) bool {
	for len(own) > 0 {
		var n []byte
		n, own = cutPart(own)
		_, own = cutPart(own)
		if bytes.EqualFold(n, name) && !bytes.EqualFold(n, setCookie) {
			return true
		}
	}
	return false
}

var setCookie = []byte(fasthttp.HeaderSetCookie)

func appendPart(dst, part []byte) []byte {
	dst = append(dst, byte(len(part)), byte(len(part)>>8), byte(len(part)>>16))
	return append(dst, part...)
}

func cutPart(from []byte) (part, rest []byte) {
	n := int(from[0]) | int(from[1])<<8 | int(from[2])<<16
	return from[3 : 3+n], from[3+n:]
}

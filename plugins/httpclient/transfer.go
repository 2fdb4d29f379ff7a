package httpclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
)

// The transport's side of an exchange.

// run sends the request and receives the response.
func (x *exchange) run(c *Client) {
	stop := context.AfterFunc(x.ctx, x.wakeTransport) // which may wait for the plugin
	x.steps.begin()
	err := x.exchange(c)
	x.steps.end()
	stop()
	if cause := context.Cause(x.ctx); err != nil && cause != nil {
		err = cause
	}
	x.mu.Lock()
	x.ended, x.upClosed = true, true
	x.err, x.errno = err, errnoOf(err)
	detach := x.detach
	x.change.Broadcast()
	x.mu.Unlock()
	x.cancel(err)
	x.tell()
	if detach != nil {
		detach()
	}
	x.leave()
}

func (x *exchange) wakeTransport() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.change.Broadcast()
}

func (x *exchange) exchange(c *Client) error {
	sender := http.Client{Transport: c.transport, CheckRedirect: x.redirect}
	ctx := context.WithValue(x.ctx, dialer{}, x)
	resp, err := sender.Do(x.message(httptrace.WithClientTrace(ctx, x.steps.trace())))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	x.steps.head()
	if resp.StatusCode < 100 {
		return fmt.Errorf("a response of status %d", resp.StatusCode)
	}
	body := io.Reader(resp.Body)
	if x.request.Decompress {
		if body, err = x.decompress(resp); err != nil {
			return fmt.Errorf("cannot decompress the response: %w", err)
		}
	}
	x.mu.Lock()
	x.status, x.header = resp.StatusCode, headerList(resp.Header)
	x.mu.Unlock()
	x.tell()
	err = x.receive(body, resp.ContentLength)
	if err == errDetached {
		return drop(resp.Body)
	}
	return err
}

// message is the request for the transport.
func (x *exchange) message(ctx context.Context) *http.Request {
	r := x.request
	header := r.Header
	if header == nil {
		header = http.Header{}
	}
	dropOurs(header)
	if _, named := header["User-Agent"]; !named {
		header["User-Agent"] = []string{userAgent}
	}
	if r.Decompress {
		header["Accept-Encoding"] = []string{"gzip"}
	}
	m := &http.Request{Method: r.Method, URL: r.URL, Host: r.URL.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	switch {
	case r.Stream && r.Length != 0:
		m.Body, m.ContentLength = upload{x}, max(r.Length, -1)
	case len(r.Body) > 0:
		m.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
		m.Body, _ = m.GetBody()
		m.ContentLength = int64(len(r.Body))
	}
	return m.WithContext(ctx)
}

// receive puts the response's body into the buffer, piece by piece.
func (x *exchange) receive(body io.Reader, length int64) error {
	piece := make([]byte, pieceSize(length))
	var received int64
	for {
		n, err := body.Read(piece)
		received += int64(n)
		if over := received - x.request.Most; x.request.Most > 0 && over > 0 {
			n, err = n-int(over), errTooLong
		}
		if err := x.deliver(piece[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pieceSize is what to read at once of a body of that length, unknown if less
// than 0.
func pieceSize(length int64) int64 {
	const least, most = 512, 16 << 10
	if length < 0 {
		return most
	}
	return min(most, max(least, length))
}

// deliver waits for room in the buffer.
func (x *exchange) deliver(p []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		switch {
		case x.closed:
			return errClosed
		case x.detach != nil:
			return errDetached
		}
		p = p[x.down.put(p):]
		x.tell()
		if len(p) == 0 {
			return nil
		}
		if err := context.Cause(x.ctx); err != nil {
			return err
		}
		x.change.Wait()
	}
}

// errDetached ends the receiving of a body for a plugin.
var errDetached = errors.New("the request was detached")

// drop reads on in the body of a detached request, as it comes, so that the
// server is not cut off and the connection is used again. Nobody counts what
// that takes: it has a bound.
func drop(body io.Reader) error {
	const most = 4 << 20
	_, err := io.CopyN(io.Discard, body, most)
	switch err {
	case nil:
		return errTooLong
	case io.EOF:
		return nil
	}
	return err
}

// upload is the request's body as the transport reads it.
type upload struct{ x *exchange }

// Read implements io.Reader.
func (u upload) Read(p []byte) (int, error) {
	x := u.x
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		switch {
		case x.closed || x.upClosed:
			return 0, errClosed
		case x.up.len() > 0:
			n := x.up.take(p)
			x.tell()
			return n, nil
		case x.upEnded:
			return 0, io.EOF
		case x.ctx.Err() != nil:
			return 0, context.Cause(x.ctx)
		}
		x.change.Wait()
	}
}

// Close implements io.Closer: the transport wants no more of it.
func (u upload) Close() error {
	x := u.x
	x.mu.Lock()
	x.upClosed = true
	x.change.Broadcast()
	x.mu.Unlock()
	x.tell()
	return nil
}

package host

import (
	"crypto/tls"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"phasm/sdk/abi"
)

// Exchange is one request and its response as host functions see it. The
// server owns it and resets it for the next one; one goroutine uses it at a
// time.
type Exchange struct {
	Request  *fasthttp.Request
	Response *fasthttp.Response
	Wire     Wire
	Params   Params // the path parameters of the route's pattern

	Epoch      time.Time            // when the connection began
	Begun      time.Duration        // when the request's first byte arrived, since Epoch
	RemoteAddr netip.AddrPort       // where the connection comes from
	LocalAddr  netip.AddrPort       // where it arrived
	TLS        *tls.ConnectionState // nil where the connection is plain
	Connection uint64               // the connection's number
	Requests   int                  // how many requests the connection has carried, this one included
	Route      string               // the route's name, empty before routing and where none matched
	BytesSent  int64                // head and body, known in the log phase
	BodySent   int64                // the body's part of BytesSent

	Chunk []byte // the body_filter phase's chunk
	EOF   bool   // Chunk is the last

	Balancer Balancer // in the balancer phase

	// What control functions asked for, done once the phase function returns.
	Ended  bool   // exit, redirect or exec was called
	Errors bool   // exit was called: an error status without a body gets a text
	Exec   []byte // the target of exec, empty where it was not called

	// The method and the target as they were received, set when a plugin
	// changes them.
	OriginalMethod, OriginalURI []byte

	ctx     ctx
	ctxSize int // of its keys and values
	fields  int // how much guests have written into headers
	id      [32]byte
	hasID   bool
	scratch []byte // for answers that are put together first
	target  []byte // what SetURI puts together
	chunk   []byte // what replaced the chunk
	spare   []byte // for what replaces it next
	holds   holds  // of zones' counts, released at the end
}

// Start is when the request's first byte arrived.
func (x *Exchange) Start() time.Time { return x.Epoch.Add(x.Begun) }

// Elapsed is how long ago that was.
func (x *Exchange) Elapsed() time.Duration { return time.Since(x.Epoch) - x.Begun }

// Wire is what host functions ask of the connection below the exchange. Where
// it waits it does so until a deadline at most; the zero time is none.
type Wire interface {
	// ReadBody reads the request's body from an offset; see request_body_read.
	// What it takes off the wire is lost to other readers unless keep is set.
	// The error is io.EOF at the end, ErrBodyTooLarge, os.ErrDeadlineExceeded
	// or that of the connection.
	ReadBody(p []byte, offset int64, keep bool, deadline time.Time) (int, error)
	// SetBody replaces the request's body with a copy.
	SetBody(body []byte)
	// StepAside says that the exchange is about to wait or to compute for long: from
	// here on somebody else serves others.
	StepAside()
	// Flush sends the head and what has been written of the body. After an
	// error the response cannot go on.
	Flush(deadline time.Time) error
	// HeadSent tells whether the response's head has left.
	HeadSent() bool
	// ClientGone tells whether the client has closed the connection.
	ClientGone() bool
	// Subrequest begins a request to the server itself, with this one's headers
	// but for those given, which are a list name, value, name, value, …. It keeps
	// nothing of its arguments. The error is abi.BadArgument for a body that the
	// method cannot have, abi.NoMemory for subrequests nested too deep,
	// abi.Closed where this is a subrequest that has been left.
	Subrequest(method, target []byte, headers []string, body []byte) (Subrequest, abi.Errno)
}

// Params are the path parameters of a route's pattern. Values are valid as
// long as the exchange is.
type Params interface {
	Len() int
	Name(i int) string
	Value(i int) []byte
	Get(name string) ([]byte, bool)
}

// ResetRoute forgets what belongs to one pass through a route, so that an
// internal redirect can start the next.
func (x *Exchange) ResetRoute() {
	x.Ended, x.Errors = false, false
	x.Exec = x.Exec[:0]
}

// Reset forgets everything but buffers worth keeping. What the server sets
// for each exchange it sets itself.
func (x *Exchange) Reset() {
	x.Release()
	x.ResetRoute()
	x.ctx = kept(x.ctx)
	x.ctxSize, x.fields = 0, 0
	x.hasID = false
	x.Route = ""
	x.BytesSent, x.BodySent = 0, 0
	x.Chunk, x.EOF = nil, false
	x.Balancer = nil
	x.OriginalMethod, x.OriginalURI = kept(x.OriginalMethod), kept(x.OriginalURI)
	x.scratch, x.target = kept(x.scratch), kept(x.target)
	x.chunk, x.spare = kept(x.chunk), kept(x.spare)
}

// kept is a buffer, empty, where it is worth keeping for the next request.
func kept(b []byte) []byte {
	const most = 64 << 10 // lists of headers are smaller, most chunks, too
	if cap(b) > most {
		return nil
	}
	return b[:0]
}

// ID is the request's identifier, 32 hexadecimal digits that cannot be
// guessed, made when first asked for.
func (x *Exchange) ID() []byte {
	if !x.hasID {
		var raw [16]byte
		for i, n := 0, rand.Uint64(); i < 8; i++ {
			raw[i] = byte(n >> (8 * i))
		}
		for i, n := 0, rand.Uint64(); i < 8; i++ {
			raw[8+i] = byte(n >> (8 * i))
		}
		hex.Encode(x.id[:], raw[:])
		x.hasID = true
	}
	return x.id[:]
}

// keepOriginalURI remembers the target as it was received, before it changes.
func (x *Exchange) keepOriginalURI() {
	if len(x.OriginalURI) == 0 {
		x.OriginalURI = append(x.OriginalURI, x.Request.Header.RequestURI()...)
	}
}

// SetURI changes the request's path and query, as they stand on the wire. The
// path gets its canonical form.
func (x *Exchange) SetURI(uri []byte) {
	x.keepOriginalURI()
	x.target, _ = AppendTarget(x.target[:0], uri)
	x.Request.SetRequestURIBytes(x.target)
}

// ReceivedMethod is the method as the client sent it.
func (x *Exchange) ReceivedMethod() []byte {
	if len(x.OriginalMethod) > 0 {
		return x.OriginalMethod
	}
	return x.Request.Header.Method()
}

// ReceivedURI is the request target as the client sent it.
func (x *Exchange) ReceivedURI() []byte {
	if len(x.OriginalURI) > 0 {
		return x.OriginalURI
	}
	return x.Request.Header.RequestURI()
}

// ReplaceChunk puts a copy of b in the place of the body_filter phase's chunk.
func (x *Exchange) ReplaceChunk(b []byte) {
	x.chunk = append(x.chunk[:0], b...)
	x.Chunk = x.chunk
}

//go:build !wasip1

package sdktest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"phasm/sdk/abi"
	"phasm/sdk/internal/phases"
)

// Response is what the client gets, and what the test may want to know besides.
type Response struct {
	Status  int
	Header  http.Header // without what the server alone sets: Content-Length, Date, Server and the like
	Body    string
	Chunks  []string // the body in the parts in which it left the body filter
	Flushes int      // how often it was flushed

	// Exec is where an internal redirect leads, empty where there was none. The
	// request stops there: no filter and no log handler has run. A test goes on
	// with another request if it wants to.
	Exec string

	// Request is the request as the plugin left it, as an upstream would get it.
	Request Request
}

// Do takes a request through the phases of the server, with the handlers that
// the plugin has registered: rewrite, access, content or else balancer once,
// header_filter, body_filter for each chunk, and log.
func (h *Host) Do(r Request) *Response {
	x := h.Begin(r)
	defer x.End()
	x.pass()
	switch {
	case x.tooLarge && !x.headSent:
		x.fail(http.StatusRequestEntityTooLarge)
	case x.exited && x.status >= 400 && !x.headSent && x.pending == "":
		x.answer(x.status)
	case x.exec != "":
		return x.Response()
	}
	x.send(true)
	x.run(abi.Log)
	return x.Response()
}

// Response is the response so far.
func (x *Exchange) Response() *Response {
	return &Response{
		Status:  x.status,
		Header:  x.responseHead.header(),
		Body:    strings.Join(x.sent, "") + x.pending,
		Chunks:  slices.Clone(x.sent),
		Flushes: x.flushes,
		Exec:    x.exec,
		Request: x.Request(),
	}
}

// pass runs the phases that lead to a response.
func (x *Exchange) pass() {
	for _, p := range []abi.Phase{abi.Rewrite, abi.Access} {
		if action := x.run(p); action == abi.Final || x.ended {
			return
		}
	}
	if phases.Registered().Has(abi.Content) {
		x.run(abi.Content)
		return
	}
	if action := x.run(abi.Balancer); action == abi.Final || x.ended {
		return
	}
	x.status = x.upstream.Status
	for _, f := range fieldsOf(x.upstream.Header) {
		x.responseHead.put(f.name, f.value, true)
	}
	for i, chunk := range x.upstream.Chunks {
		x.pending = chunk
		if i < len(x.upstream.Chunks)-1 {
			x.send(false)
		}
	}
}

// run is Run for a plugin that does not run again after a fault.
func (x *Exchange) run(p abi.Phase) abi.Action {
	if x.broken {
		return abi.Continue
	}
	action := x.Run(p)
	if action != abi.Continue && action != abi.Final {
		x.broken = true
		x.ended, x.exited, x.exec = false, false, ""
		x.fail(http.StatusInternalServerError)
		return abi.Final
	}
	return action
}

// fail replaces the response by one of the server's, head and all.
func (x *Exchange) fail(status int) {
	if x.headSent {
		return // the server closes the connection
	}
	x.responseHead = nil
	x.answer(status)
}

// answer makes the response one of the server's own: a status and its text.
func (x *Exchange) answer(status int) {
	x.status = status
	x.responseHead.set("Content-Type", plainText)
	x.pending = strconv.Itoa(status) + " " + http.StatusText(status) + "\n"
}

const plainText = "text/plain; charset=utf-8"

// flush sends what has been written so far, while the content handler waits.
func (x *Exchange) flush() int32 {
	if x.gone {
		return closed
	}
	x.flushes++
	x.send(false)
	return done
}

// chunkSize is the most that a body filter sees at once.
const chunkSize = 64 << 10

// send sends what has been written so far: the head first, through the header
// filter, then the body through the body filter, in chunks.
func (x *Exchange) send(eof bool) {
	first, empty := !x.headSent, eof
	if first {
		x.run(abi.HeaderFilter)
		x.headSent = true
	}
	for body := x.pending; body != "" || eof; {
		piece := body[:min(len(body), chunkSize)]
		body = body[len(piece):]
		x.chunk, x.eof = piece, eof && body == ""
		x.run(abi.BodyFilter)
		empty = empty && x.chunk == ""
		if x.chunk != "" && !x.bodiless() {
			x.sent = append(x.sent, x.chunk)
		}
		eof = eof && body != ""
	}
	x.pending = ""
	if _, typed := x.responseHead.get("Content-Type"); first && !empty && !typed {
		x.responseHead.set("Content-Type", plainText)
	}
}

// bodiless tells whether the response ends with its head (RFC 9110, sections
// 9.3.2, 15.3.5 and 15.4.5).
func (x *Exchange) bodiless() bool {
	return x.method == http.MethodHead || x.status == http.StatusNoContent || x.status == http.StatusNotModified
}

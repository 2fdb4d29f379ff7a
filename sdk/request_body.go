package sdk

import (
	"io"
	"strconv"

	"phasm/sdk/internal/imports"
)

// Body is the request's body. Phases: rewrite, access, content.
//
// Every plugin reads the body from its start, and goes on reading where it
// stopped, in a later phase too. What is read before content is kept for the
// others, up to the limit that the route, or else the server, has on bodies.
type Body struct{}

var _ io.Reader = (*Body)(nil)

// Body is the request's body.
func (r *Request) Body() *Body { return &r.body }

// Read reads on, waiting for the client where it must (ngx.req.socket). It
// answers [ErrNoMemory] for a body over the limit, [ErrTimeout] for a client
// that is too slow and [ErrIO] for one that has gone.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n := imports.RequestBodyRead(p)
	switch {
	case n > 0:
		return int(n), nil
	case n == 0:
		return 0, io.EOF
	}
	return 0, errnoOf(n)
}

// BodyBytes reads what is left of the body, which is all of it where the
// plugin has not read yet. Longer than limit bytes it is [ErrNoMemory]
// (ngx.req.read_body, get_body_data).
func (r *Request) BodyBytes(limit int) ([]byte, error) {
	body, err := r.AppendBody(nil, limit)
	if err != nil {
		return nil, err
	}
	return body, nil
}

// AppendBody appends what is left of the body to dst, at most limit bytes.
// With an error comes what was read until then.
func (r *Request) AppendBody(dst []byte, limit int) ([]byte, error) {
	start := len(dst)
	for step := r.bodyStep(limit); ; step = leastBodyStep {
		if len(dst) == cap(dst) {
			dst = grow(dst, step)
		}
		n, err := r.body.Read(free(dst))
		dst = dst[:len(dst)+n]
		switch {
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		case len(dst)-start > limit:
			return dst[:start+max(limit, 0)], errnoOf(int32(ErrNoMemory))
		}
	}
}

// bodyStep is how much room a body gets at first: what its head says, up to
// mostBodyStep, because a head may say what never comes. Growing doubles it.
func (r *Request) bodyStep(limit int) int32 {
	var digits [20]byte
	b, err := r.AppendHeader(digits[:0], "Content-Length")
	n, atoiErr := strconv.Atoi(string(b))
	if err != nil || atoiErr != nil {
		return leastBodyStep
	}
	return int32(max(leastBodyStep, min(n, limit, mostBodyStep)+1)) // the end takes a byte to be seen
}

const (
	leastBodyStep = 512
	mostBodyStep  = 64 << 10
)

// SetBody replaces the request's body for everybody who reads it from now on.
// Phases: rewrite, access.
func (r *Request) SetBody(body []byte) error { return r.SetBodyString(stringOf(body)) }

// SetBodyString is [Request.SetBody] for a string.
func (r *Request) SetBodyString(body string) error { return errnoOf(imports.RequestBodySet(body)) }

package static

import (
	"bytes"
	"os"

	"github.com/valyala/fasthttp"
)

// codings are content codings that a client accepts, a bit for each of known.
type codings uint8

// known are the codings that a file's neighbours may have, the best first.
var known = [...]struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// acceptedBy are the codings that the request accepts.
func acceptedBy(req *fasthttp.Request) (c codings) {
	header := req.Header.Peek(fasthttp.HeaderAcceptEncoding)
	if len(header) == 0 {
		return 0
	}
	for i, coding := range known {
		if accepts(header, coding.name) {
			c |= 1 << i
		}
	}
	return c
}

// compressed returns the neighbour of f that holds it compressed in a way that
// the client accepts, and closes f; or f itself if there is none, or an older
// one, which would be the compressed form of what f was before.
func compressed(root *os.Root, f *file, name string, accepted codings) *file {
	for i, coding := range known {
		if accepted&(1<<i) == 0 {
			continue
		}
		g, err := openFile(root, name+coding.suffix)
		if err != nil {
			continue
		}
		if g.modified.Before(f.modified) {
			g.Close()
			continue
		}
		f.Close()
		g.contentType, g.encoding, g.varies = f.contentType, coding.name, true
		return g
	}
	return f
}

// accepts tells whether an Accept-Encoding header admits a coding: by its name
// or else by "*", with a weight above 0 (RFC 9110, section 12.5.3). A member
// whose weight is malformed counts as refused.
func accepts(header []byte, coding string) bool {
	others := false // what "*" says
	for len(header) > 0 {
		var member []byte
		member, header, _ = bytes.Cut(header, []byte{','})
		name, weight, weighted := bytes.Cut(member, []byte{';'})
		name = trim(name)
		accepted := !weighted || positive(trim(weight))
		if bytes.EqualFold(name, []byte(coding)) {
			return accepted
		}
		if string(name) == "*" {
			others = accepted
		}
	}
	return others
}

// positive tells whether s is a weight, such as q=0.5, that is above 0 and at
// most 1 (RFC 9110, section 12.4.2).
func positive(s []byte) bool {
	if len(s) < 3 || s[0]|0x20 != 'q' || s[1] != '=' {
		return false
	}
	whole, fraction, dotted := s[2], s[3:], len(s) > 3
	if dotted && (fraction[0] != '.' || len(fraction) > 4) {
		return false
	}
	above := false
	for _, digit := range fraction[min(1, len(fraction)):] {
		if digit < '0' || '9' < digit {
			return false
		}
		above = above || digit != '0'
	}
	return whole == '1' && !above || whole == '0' && above
}

// trim removes the optional whitespace around an element of a header.
func trim(s []byte) []byte { return bytes.Trim(s, " \t") }

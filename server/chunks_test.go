package server

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestChunks(t *testing.T) {
	const rest = "GET / HTTP/1.1\r\n"
	for _, test := range []struct {
		wire, body string
		good       bool
	}{
		{"0\r\n\r\n", "", true},
		{"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde", true},
		{"00A;x=\"y\"\r\n0123456789\r\n0\r\nX-User: root\r\n\r\n", "0123456789", true},
		{"3\nabc\r\n0\r\n\r\n", "", false},
		{"3\r\nabc\n0\r\n\r\n", "abc", false},
		{"3\r\nabcd\r\n0\r\n\r\n", "abc", false},
		{"3 \r\nabc\r\n0\r\n\r\n", "", false},
		{" 3\r\nabc\r\n0\r\n\r\n", "", false},
		{"+3\r\nabc\r\n0\r\n\r\n", "", false},
		{"0x3\r\nabc\r\n0\r\n\r\n", "", false},
		{"\r\n0\r\n\r\n", "", false},
		{"g\r\n", "", false},
		{"3;\x01\r\nabc\r\n0\r\n\r\n", "", false},
		{"8000000000000000\r\n", "", false},
		{"10000000000000000\r\n", "", false},
		{"0\r\nX-User : root\r\n\r\n", "", false},
		{"0\r\n folded\r\n\r\n", "", false},
		{"0\r\nX: y\n\r\n", "", false},
		{"0\r\n\n", "", false},
		{strings.Repeat("1;"+strings.Repeat("x", 500)+"\r\na\r\n", 40) + "0\r\n\r\n", strings.Repeat("a", 32), false},
	} {
		c := chunked{r: bufio.NewReader(strings.NewReader(test.wire + rest))}
		c.begin(trailerLimits{16 << 10, 100})
		body, err := io.ReadAll(&c)
		if string(body) != test.body || (err == nil) != test.good {
			t.Errorf("%.60q has the body %q, error %v", test.wire, body, err)
		}
		if left, _ := io.ReadAll(c.r); test.good && !bytes.Equal(left, []byte(rest)) {
			t.Errorf("behind %q stands %q", test.wire, left)
		}
	}
}

// Some servers write blanks behind a chunk's size.
func TestPaddedChunks(t *testing.T) {
	for wire, good := range map[string]bool{
		"3  \r\nabc\r\n0 \r\n\r\n": true,
		"3 ;x\r\nabc\r\n0\r\n\r\n": true,
		"3 x\r\nabc\r\n0\r\n\r\n":  false,
		" 3\r\nabc\r\n0\r\n\r\n":   false,
		"3 \v\r\nabc\r\n0\r\n\r\n": false,
	} {
		c := chunked{r: bufio.NewReader(strings.NewReader(wire))}
		c.begin(trailerLimits{16 << 10, 100})
		c.padded = true
		if body, err := io.ReadAll(&c); (string(body) == "abc" && err == nil) != good {
			t.Errorf("%q has the body %q, error %v", wire, body, err)
		}
	}
}

// What stands beside the data is bounded, unless data outweighs it.
func TestBesideChunks(t *testing.T) {
	chunk := "10;" + strings.Repeat("x", 15) + "\r\n0123456789abcdef\r\n"
	for wire, good := range map[string]bool{
		strings.Repeat(chunk, 100) + "0\r\n\r\n":            true,
		"0\r\n" + strings.Repeat("a: b\r\n", 3) + "\r\n":    true,
		"0\r\n" + strings.Repeat("a: b\r\n", 4) + "\r\n":    false,
		"0\r\na: " + strings.Repeat("b", 100) + "\r\n\r\n":  false,
		strings.Repeat("1;xxx\r\na\r\n", 100) + "0\r\n\r\n": false,
	} {
		c := chunked{r: bufio.NewReader(strings.NewReader(wire))}
		c.begin(trailerLimits{100, 3})
		if _, err := io.ReadAll(&c); (err == nil) != good {
			t.Errorf("%.40q: error %v", wire, err)
		}
	}
}

// A trailer is no header.
func TestTrailersAreNoHeaders(t *testing.T) {
	x, _ := received(t, loaded(t, fixedConfig), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-User: root\r\n\r\n")
	if body, err := io.ReadAll(&bodyReader{x: x}); string(body) != "a" || err != nil {
		t.Errorf("the body is %q, error %v", body, err)
	}
	if user := x.request.Header.Peek("X-User"); user != nil {
		t.Errorf("X-User is %q", user)
	}
}

package host

import (
	"strings"
	"testing"
)

// tchar of RFC 9110, section 5.6.2, and ASCII's controls, spelt out.
const (
	tokenCharacters = "!#$%&'*+-.^_`|~0123456789" +
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	controls = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" +
		"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
)

// Every byte is tried, at the beginning, in the middle and at the end.
func TestValidBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		is   func([]byte) bool
		with string // what the byte is put into
		want func(byte) bool
	}{
		{"isToken", isToken, "ab", func(b byte) bool { return strings.IndexByte(tokenCharacters, b) >= 0 }},
		{"isFieldValue", isFieldValue, "ab", func(b byte) bool { return b == '\t' || strings.IndexByte(controls, b) < 0 }},
		{"isURIText", isURIText, "ab", func(b byte) bool { return strings.IndexByte(controls+" #", b) < 0 }},
	} {
		for b := range 256 {
			for at := range len(c.with) + 1 {
				text := []byte(c.with[:at] + string([]byte{byte(b)}) + c.with[at:])
				if got := c.is(text); got != c.want(byte(b)) {
					t.Errorf("%s(%q) = %v", c.name, text, got)
				}
			}
		}
	}
}

func TestValidTexts(t *testing.T) {
	for _, c := range []struct {
		name string
		is   func([]byte) bool
		text string
		want bool
	}{
		{"isToken", isToken, "", false},
		{"isToken", isToken, "Content-Type", true},
		{"isToken", isToken, "Content-Type:", false},
		{"isFieldValue", isFieldValue, "", true},
		{"isFieldValue", isFieldValue, "a\r\nSet-Cookie: b", false},
		{"isFieldValue", isFieldValue, "caf\xe9 \"quoted\"", true},
		{"isURIText", isURIText, "", true},
		{"isTarget", isTarget, "", false},
		{"isTarget", isTarget, "/", true},
		{"isTarget", isTarget, "//x/../y?z=%20", true},
		{"isTarget", isTarget, "*", false},
		{"isTarget", isTarget, "http://example.com/", false},
		{"isTarget", isTarget, "/a b", false},
		{"isTarget", isTarget, "/a#b", false},
		{"isTarget", isTarget, "/ HTTP/1.1\r\n\r\nGET /", false},
	} {
		if got := c.is([]byte(c.text)); got != c.want {
			t.Errorf("%s(%q) = %v", c.name, c.text, got)
		}
	}
}

func TestIsStatus(t *testing.T) {
	for n, want := range map[int32]bool{-1: false, 0: false, 100: false, 199: false, 200: true, 404: true, 599: true, 600: false} {
		if isStatus(n) != want {
			t.Errorf("isStatus(%d) = %v", n, !want)
		}
	}
}

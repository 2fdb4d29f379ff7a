package main

import (
	"bytes"
	"strings"

	"phasm/sdk"
)

// isForm tells whether the body is a form's, whose values are escaped.
func isForm(r *sdk.Request) bool {
	mediaType, _, _ := strings.Cut(r.Header("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/x-www-form-urlencoded")
}

// unescape decodes a form in place: + is a blank, %41 an A. What is no escape
// stays as it is.
func unescape(form []byte) []byte {
	if !bytes.ContainsAny(form, "%+") {
		return form
	}
	out := form[:0]
	for i := 0; i < len(form); i++ {
		c := form[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(form) && hex(form[i+1]) >= 0 && hex(form[i+2]) >= 0:
			c = byte(hex(form[i+1])<<4 | hex(form[i+2]))
			i += 2
		}
		out = append(out, c)
	}
	return out
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

package server

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// appendAccess appends the exchange's line of the access log, in the format
// that the configuration asks for.
func appendAccess(dst []byte, x *exchange, took time.Duration) []byte {
	if x.generation.config.Server.AccessLog.Format == "combined" {
		return appendCombined(dst, x)
	}
	return appendJSON(dst, x, took)
}

// appendJSON appends one JSON object and a newline.
func appendJSON(dst []byte, x *exchange, took time.Duration) []byte {
	h := &x.request.Header
	dst = append(dst, `{"time":"`...)
	dst = x.Start().UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000Z07:00")
	dst = append(dst, `","request_id":"`...)
	dst = append(dst, x.ID()...)
	dst = append(dst, `","remote_addr":"`...)
	dst = append(appendAddress(dst, x), '"')
	dst = appendMember(dst, "host", h.Host())
	if x.unparsed {
		dst = appendMember(dst, "request", []byte(x.line)) // never parsed
	} else {
		dst = appendMember(dst, "method", x.ReceivedMethod())
		dst = appendMember(dst, "uri", x.ReceivedURI())
		dst = appendMember(dst, "protocol", h.Protocol())
	}
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(x.response.StatusCode()), 10)
	dst = append(dst, `,"bytes_sent":`...)
	dst = strconv.AppendInt(dst, x.BytesSent, 10)
	dst = append(dst, `,"body_bytes_sent":`...)
	dst = strconv.AppendInt(dst, x.BodySent, 10)
	dst = append(dst, `,"request_time":`...)
	dst = strconv.AppendFloat(dst, took.Seconds(), 'f', 6, 64)
	dst = appendMember(dst, "route", []byte(x.Route))
	dst = appendMember(dst, "referer", h.Referer())
	dst = appendMember(dst, "user_agent", h.UserAgent())
	return append(dst, "}\n"...)
}

// appendMember appends a member, with the comma before it.
func appendMember(dst []byte, name string, value []byte) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":"`...)
	dst = appendEscaped(dst, value)
	return append(dst, '"')
}

func appendAddress(dst []byte, x *exchange) []byte {
	if !x.RemoteAddr.IsValid() {
		return append(dst, '-') // not a network connection
	}
	return x.RemoteAddr.Addr().Unmap().AppendTo(dst)
}

const (
	hexDigits = "0123456789abcdef"
	upperHex  = "0123456789ABCDEF"
)

// appendEscaped appends what a client sent as the inside of a JSON string.
// Bytes that are no UTF-8 become the replacement character.
func appendEscaped(dst, s []byte) []byte {
	for len(s) > 0 {
		c := s[0]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
			s = s[size:]
			continue
		}
		s = s[1:]
	}
	return dst
}

// appendCombined appends a line as Apache's and nginx's combined format.
func appendCombined(dst []byte, x *exchange) []byte {
	h := &x.request.Header
	dst = appendAddress(dst, x)
	dst = append(dst, " - - ["...)
	dst = x.Start().AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
	dst = append(dst, `] "`...)
	if x.unparsed {
		dst = appendHexEscaped(dst, orDash([]byte(x.line)))
	} else {
		dst = appendHexEscaped(dst, x.ReceivedMethod())
		dst = append(dst, ' ')
		dst = appendHexEscaped(dst, x.ReceivedURI())
		dst = append(dst, ' ')
		dst = appendHexEscaped(dst, h.Protocol())
	}
	dst = append(dst, `" `...)
	dst = strconv.AppendInt(dst, int64(x.response.StatusCode()), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, x.BodySent, 10)
	dst = append(dst, ` "`...)
	dst = appendHexEscaped(dst, orDash(h.Referer()))
	dst = append(dst, `" "`...)
	dst = appendHexEscaped(dst, orDash(h.UserAgent()))
	return append(dst, "\"\n"...)
}

func orDash(b []byte) []byte {
	if len(b) == 0 {
		return []byte{'-'}
	}
	return b
}

// appendHexEscaped writes quotes, backslashes and bytes that are not printable
// ASCII as \xXX, as nginx does.
func appendHexEscaped(dst, s []byte) []byte {
	for _, c := range s {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			dst = append(dst, '\\', 'x', upperHex[c>>4], upperHex[c&15])
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

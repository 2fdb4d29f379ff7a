package host

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"phasm/sdk/abi"
)

// variable is one named value of an exchange, named as in nginx.
type variable struct {
	name   string
	append func(x *Exchange, dst []byte) []byte
}

var variables = []variable{
	{"args", func(x *Exchange, dst []byte) []byte { return append(dst, x.Request.URI().QueryString()...) }},
	{"body_bytes_sent", func(x *Exchange, dst []byte) []byte { return strconv.AppendInt(dst, x.BodySent, 10) }},
	{"bytes_sent", func(x *Exchange, dst []byte) []byte { return strconv.AppendInt(dst, x.BytesSent, 10) }},
	{"connection", func(x *Exchange, dst []byte) []byte { return strconv.AppendUint(dst, x.Connection, 10) }},
	{"connection_requests", func(x *Exchange, dst []byte) []byte { return strconv.AppendInt(dst, int64(x.Requests), 10) }},
	{"host", func(x *Exchange, dst []byte) []byte { return AppendHost(dst, x.Request.Header.Host()) }},
	{"remote_addr", func(x *Exchange, dst []byte) []byte { return appendAddr(dst, x.RemoteAddr) }},
	{"remote_port", func(x *Exchange, dst []byte) []byte {
		return strconv.AppendUint(dst, uint64(x.RemoteAddr.Port()), 10)
	}},
	{"request_id", func(x *Exchange, dst []byte) []byte { return append(dst, x.ID()...) }},
	{"request_method", func(x *Exchange, dst []byte) []byte { return append(dst, x.Request.Header.Method()...) }},
	{"request_time", func(x *Exchange, dst []byte) []byte {
		return strconv.AppendFloat(dst, x.Elapsed().Seconds(), 'f', 6, 64)
	}},
	{"request_uri", func(x *Exchange, dst []byte) []byte { return append(dst, x.ReceivedURI()...) }},
	{"route", func(x *Exchange, dst []byte) []byte { return append(dst, x.Route...) }},
	{"scheme", func(x *Exchange, dst []byte) []byte { return append(dst, x.Scheme()...) }},
	{"server_addr", func(x *Exchange, dst []byte) []byte { return appendAddr(dst, x.LocalAddr) }},
	{"server_port", func(x *Exchange, dst []byte) []byte {
		return strconv.AppendUint(dst, uint64(x.LocalAddr.Port()), 10)
	}},
	{"server_protocol", func(x *Exchange, dst []byte) []byte { return append(dst, x.Request.Header.Protocol()...) }},
	{"ssl_cipher", ofTLS(func(t *tls.ConnectionState) string { return tls.CipherSuiteName(t.CipherSuite) })},
	{"ssl_client_fingerprint", ofClient(func(c *x509.Certificate) string {
		sum := sha1.Sum(c.Raw)
		return hex.EncodeToString(sum[:])
	})},
	{"ssl_client_i_dn", ofClient(func(c *x509.Certificate) string { return c.Issuer.String() })},
	{"ssl_client_s_dn", ofClient(func(c *x509.Certificate) string { return c.Subject.String() })},
	{"ssl_client_serial", ofClient(func(c *x509.Certificate) string { return strings.ToUpper(c.SerialNumber.Text(16)) })},
	{"ssl_client_verify", ofTLS(func(t *tls.ConnectionState) string {
		if len(t.VerifiedChains) == 0 {
			return "NONE"
		}
		return "SUCCESS"
	})},
	{"ssl_protocol", ofTLS(func(t *tls.ConnectionState) string {
		if t.Version == tls.VersionTLS12 {
			return "TLSv1.2"
		}
		return "TLSv1.3"
	})},
	{"ssl_server_name", ofTLS(func(t *tls.ConnectionState) string { return t.ServerName })},
	{"ssl_session_reused", ofTLS(func(t *tls.ConnectionState) string {
		if t.DidResume {
			return "r"
		}
		return "."
	})},
	{"status", func(x *Exchange, dst []byte) []byte {
		return strconv.AppendInt(dst, int64(x.Response.StatusCode()), 10)
	}},
	{"uri", func(x *Exchange, dst []byte) []byte { return append(dst, x.Request.URI().Path()...) }},
}

// ofTLS is a variable of a TLS connection, empty on others.
func ofTLS(value func(*tls.ConnectionState) string) func(*Exchange, []byte) []byte {
	return func(x *Exchange, dst []byte) []byte {
		if x.TLS == nil {
			return dst
		}
		return append(dst, value(x.TLS)...)
	}
}

// ofClient is a variable of a client's certificate, empty where it has shown
// none. Only those that have been verified count.
func ofClient(value func(*x509.Certificate) string) func(*Exchange, []byte) []byte {
	return ofTLS(func(t *tls.ConnectionState) string {
		if len(t.VerifiedChains) == 0 {
			return ""
		}
		return value(t.VerifiedChains[0][0])
	})
}

// prefixes are nginx's families of variables, whose names go on with a
// header's name in lower case with underscores, or with an argument's or
// cookie's name.
var prefixes = []struct {
	name string
	find func(x *Exchange, name []byte) []byte
}{
	{"http_", func(x *Exchange, name []byte) []byte {
		name = x.headerName(name)
		return orNil(name, x.Request.Header.PeekBytes(name))
	}},
	{"sent_http_", func(x *Exchange, name []byte) []byte {
		name = x.headerName(name)
		return orNil(name, x.Response.Header.PeekBytes(name))
	}},
	{"arg_", func(x *Exchange, name []byte) []byte { return x.Request.URI().QueryArgs().PeekBytes(name) }},
	{"cookie_", func(x *Exchange, name []byte) []byte { return x.Request.Header.CookieBytes(name) }},
}

// VariableNames lists the variables for documentation.
func VariableNames() string {
	names := make([]string, 0, len(variables)+len(prefixes))
	for _, v := range variables {
		names = append(names, v.name)
	}
	for _, p := range prefixes {
		names = append(names, p.name+"NAME")
	}
	return strings.Join(names, ", ")
}

func variableGet(c *Call, s []uint64) {
	name, ok := c.fieldName(s)
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	x := c.Exchange
	for i := range variables {
		if v := &variables[i]; v.name == string(name) {
			x.scratch = v.append(x, x.scratch[:0])
			c.reply(s, x.scratch, s[2], s[3])
			return
		}
	}
	for i := range prefixes {
		rest, ok := bytes.CutPrefix(name, bytesOf(prefixes[i].name))
		if !ok {
			continue
		}
		if value := prefixes[i].find(x, rest); value != nil {
			c.reply(s, value, s[2], s[3])
			return
		}
	}
	fail(s, abi.NotFound)
}

// orNil is a header's value, or nil where there is no such header.
func orNil(name, value []byte) []byte {
	if isAbsent(name, value) {
		return nil
	}
	return value
}

// headerName turns user_agent into user-agent.
func (x *Exchange) headerName(name []byte) []byte {
	x.scratch = append(x.scratch[:0], name...)
	for i, c := range x.scratch {
		if c == '_' {
			x.scratch[i] = '-'
		}
	}
	return x.scratch
}

// Scheme is "https" or "http".
func (x *Exchange) Scheme() string {
	if x.TLS != nil {
		return "https"
	}
	return "http"
}

func appendAddr(dst []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return dst // a connection without a network address, as in tests
	}
	return a.Addr().Unmap().AppendTo(dst)
}

// AppendHost appends the Host header in lower case, without its port, as
// nginx's $host does.
func AppendHost(dst, host []byte) []byte {
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && bytes.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	for _, c := range host {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

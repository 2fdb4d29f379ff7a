//go:build !wasip1

package sdktest

import (
	"strconv"
	"strings"
	"time"
)

// VariableGet implements imports.Host.
func (f *fake) VariableGet(name string, buf []byte) int32 {
	if len(name) > maxFieldName {
		return badArgument
	}
	value, found := f.variable(f.exchange, name)
	if !found {
		return notFound
	}
	return reply(buf, value)
}

func (f *fake) variable(x *Exchange, name string) (value string, found bool) {
	host, _ := x.header.get("Host")
	found = true
	switch name {
	case "args":
		value = x.query()
	case "body_bytes_sent":
		value = strconv.Itoa(x.bodySent())
	case "bytes_sent":
		value = strconv.Itoa(x.bodySent())
	case "connection", "connection_requests":
		value = "1"
	case "host":
		value = strings.ToLower(withoutPort(host))
	case "remote_addr":
		value = x.remote.Addr().Unmap().String()
	case "remote_port":
		value = strconv.Itoa(int(x.remote.Port()))
	case "request_id":
		value = x.id
	case "request_method":
		value = x.method
	case "request_time":
		value = strconv.FormatFloat(time.Duration(f.now-x.start).Seconds(), 'f', 6, 64)
	case "request_uri":
		value = x.received
	case "route":
		value = x.route
	case "scheme":
		value = "http"
		if x.tls {
			value = "https"
		}
	case "server_addr":
		value = "127.0.0.1"
	case "server_port":
		value = "8080"
	case "server_protocol":
		value = x.protocol
	case "ssl_cipher", "ssl_client_fingerprint", "ssl_client_i_dn", "ssl_client_s_dn", "ssl_client_serial",
		"ssl_client_verify", "ssl_protocol", "ssl_server_name", "ssl_session_reused":
		value = x.ssl[name]
	case "status":
		value = strconv.Itoa(x.status)
	case "uri":
		value = x.path()
	default:
		return x.prefixed(name)
	}
	return value, found
}

// prefixed are the families of variables that go on with a name.
func (x *Exchange) prefixed(name string) (value string, found bool) {
	header := func(name string) string { return canonical(strings.ReplaceAll(name, "_", "-")) }
	if rest, ok := strings.CutPrefix(name, "http_"); ok {
		return x.header.get(header(rest))
	}
	if rest, ok := strings.CutPrefix(name, "sent_http_"); ok {
		return x.responseHead.get(header(rest))
	}
	if rest, ok := strings.CutPrefix(name, "arg_"); ok {
		return x.arguments().get(rest)
	}
	if rest, ok := strings.CutPrefix(name, "cookie_"); ok {
		return x.cookie(rest)
	}
	return "", false
}

func (x *Exchange) cookie(name string) (value string, found bool) {
	line, _ := x.header.get("Cookie")
	for pair := range strings.SplitSeq(line, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if key == name {
			return value, true
		}
	}
	return "", false
}

func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		return host[:i]
	}
	return host
}

func (x *Exchange) bodySent() int {
	n := 0
	for _, chunk := range x.sent {
		n += len(chunk)
	}
	return n
}

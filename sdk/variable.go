package sdk

import "phasm/sdk/internal/imports"

// Variable is the value of a variable named as in nginx, such as
// "request_time" or "cookie_session", empty where there is none. ABI.md lists
// them at variable_get.
func (r *Request) Variable(name string) string {
	n := imports.VariableGet(name, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendVariable(renewed(n), name))
}

// AppendVariable appends the value of a variable to dst.
func (r *Request) AppendVariable(dst []byte, name string) ([]byte, error) {
	n := imports.VariableGet(name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.VariableGet(name, free(dst))
	}
	return taken(dst, n)
}

// RemoteAddr is the address that the connection comes from, without its port.
func (r *Request) RemoteAddr() string { return r.Variable("remote_addr") }

// Scheme is "http" or "https".
func (r *Request) Scheme() string { return r.Variable("scheme") }

// Host is the host that the request names, in lower case and without a port.
func (r *Request) Host() string { return r.Variable("host") }

// Protocol is the protocol's version, such as "HTTP/1.1".
func (r *Request) Protocol() string { return r.Variable("server_protocol") }

// ID is the request's identifier in logs: 32 hexadecimal digits that cannot be
// guessed.
func (r *Request) ID() string { return r.Variable("request_id") }

// Cookie is the value of a cookie that the client sent, empty where there is
// none.
func (r *Request) Cookie(name string) string { return r.Variable("cookie_" + name) }

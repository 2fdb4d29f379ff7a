package sdk

import "phasm/sdk/internal/imports"

// Variable is the value of a variable named as in nginx (ngx.var), empty where
// there is none:
//
//   - the request: args, host, request_id, request_method, request_time (seconds
//     since it began, to the microsecond), request_uri (as the client wrote it),
//     route, scheme, server_protocol, uri; arg_NAME (decoded, unlike nginx's),
//     cookie_NAME, and http_NAME for a header, in lower case with underscores
//   - the connection: connection (its number), connection_requests, remote_addr,
//     remote_port, server_addr, server_port
//   - over TLS: ssl_cipher, ssl_protocol, ssl_server_name, ssl_session_reused,
//     and of the client's certificate ssl_client_fingerprint, ssl_client_i_dn,
//     ssl_client_s_dn, ssl_client_serial, ssl_client_verify
//   - the response: status, sent_http_NAME, and for the log phase
//     body_bytes_sent and bytes_sent
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

// RemoteAddr is the client's address, without its port: that of the connection
// or, where it comes from one of the server's trusted_proxies, the one that
// the proxy names (ngx.var.remote_addr).
func (r *Request) RemoteAddr() string { return r.Variable("remote_addr") }

// Scheme is "http" or "https", as the connection is.
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

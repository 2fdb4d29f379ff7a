// Package httpclient sends the HTTP requests of plugins: what lua-resty-http
// is to OpenResty.
//
// In the order of a request's life:
//
//	request.go    what a plugin asks for, checked: method, URL, headers
//	grant.go      which hosts it may reach
//	client.go     the connections: a transport of the standard library's
//	clients.go    the clients in use, one for each set of trusted authorities
//	dial.go       there: connect, for as long as a request wants it
//	address.go    which addresses a name may lead to
//	step.go       a time limit for each step of a request
//	exchange.go   one request on its way, and its response
//	transfer.go   there: the transport's side of it
//	decompress.go there: its body without gzip
//	redirect.go   there: which redirects are followed, and with what
//	buffer.go     what is on its way in a body
//
// It stands on net/http's Transport because that keeps pools of connections,
// knows when a request may be sent again on another one, speaks TLS and HTTP/2,
// and is looked after by the people who look after Go. It costs some ten
// microseconds and five kilobytes a request more than a client made for speed;
// a network's round trip costs more.
//
// # Grants
//
// A plugin reaches the hosts that its configuration names, at the ports it
// names. That is checked by the URL before anything is sent, again for each
// redirect, and the address that the name leads to is checked once more by the
// dialer: somebody else decides what a name leads to.
//
// The rule for addresses: loopback, link-local, multicast, unspecified and
// broadcast addresses, and those of clouds' metadata services, are reached only
// under a URL that has that very address for its host, or localhost for a
// loopback one, and only where the grant has the same; a wildcard grants no
// address. Private addresses (RFC 1918, RFC 4193) may be reached by name:
// that is where gateways have their upstreams. The rule depends on the URL's
// host alone, so plugins may share connections.
//
// # What it does not do
//
// It uses no proxy, whatever the environment says, keeps no cookies, follows no
// redirect and decompresses nothing unless asked.
package httpclient

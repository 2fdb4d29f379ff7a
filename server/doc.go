// Package server takes HTTP requests through the phases and runs the plugins
// of each.
//
// # Life of a request
//
// In the order in which a request meets them:
//
//	server.go        one process: listeners, the running generation, begin and end
//	generation.go    one loaded configuration: its plugins, routes and logs
//	bind.go          open what the server listens on
//	share_port_*.go  there: a port with several sockets
//	listener.go      what it listens on; accept connections
//	connections.go   the open connections: how many, what they use, how they are drained
//	proxy_protocol.go  the PROXY header of a proxy that passes on bytes
//	tls.go           TLS: the handshake, certificates
//	tls_certificate.go  certificates that a plugin supplies
//	conn.go          one connection: requests one after the other, by the generation in use
//	loops_linux.go   where connections wait for requests: a loop for each core
//	loop_linux.go    one of them, and the goroutine that leads it
//	place_linux.go   a connection's place there; its reads and writes
//	loop_other.go    where there are none: a goroutine for each connection
//	reply_linux.go   there: an exchange that waits for a peer's answer
//	desk.go          what a connection needs while it has a request: buffers, an exchange
//	http2.go         HTTP/2: an exchange for each of a connection's requests
//	stream.go        one of these, as a connection of its own
//	receive.go       the request's head: wait for it, parse it, refuse the malformed
//	head.go          there: the head as it came, read more strictly than by fasthttp
//	fields.go        there: its header lines; serves heads of peers' responses as well
//	authority.go     there: the host in its one form
//	exchange.go      one request and its response, from begin to end
//	walk.go          the driver: walks the phases up to content
//	route.go         routing: which plugins and which content
//	call.go          run a phase: instances, faults
//	content.go       the content phase: what makes the response
//	respond.go       content: a fixed answer
//	redirect.go      content: a redirect
//	files.go         content: static files
//	proxy.go         content: the answer of an upstream's peer, or of another
//	balancer.go      choose the peer, for each try
//	proxy_request.go the request as the peer gets it
//	forwarded.go     what trusted proxies say of the client, and peers are told
//	trailer.go       there: what follows the request's body
//	sender.go        a body that is sent while the peer answers already
//	proxy_response.go  the peer's response as it arrives
//	peer_head.go     its head
//	peer_body.go     its body: by length, in chunks, or until the end
//	read_ahead.go    there: the rest of it, while the client is slow
//	tunnel.go        a connection that is for another protocol from then on
//	retry_budget.go  how many requests may be tried again
//	body.go          the request's body, read when somebody asks for it
//	chunks.go        there: a body in chunks; serves peers' responses as well
//	header_filter.go the response's head, before it is sent
//	body_filter.go   the response's body, chunk by chunk
//	send.go          the response on the wire: whole, in flushes, or as a stream
//	outlet.go        there: a body behind what waits in the buffer
//	send_file_linux.go  there: a file, by the kernel
//	log.go           the log phase: metrics, access log, plugins
//	subrequest.go    a request that a plugin makes to the server itself
//
// Beside the request's way:
//
//	reload.go        replace the generation by one that is loaded anew
//	zones.go         the stores that plugins share, which survive reloads
//	zone_file.go     there: the file that one is kept in
//	watch.go         reload when a file has changed
//	deadline.go      time limits on reads and writes
//	client_gone_*.go whether the client is still there
//	http_client.go   what sends the plugins' HTTP requests
//	status_text.go   the bodies of the server's own answers
//	access_log.go    how a line of the access log looks
//	upstreams.go     the groups of peers that routes name
//	upstream_tls.go  how connections to peers are protected
//	upstream_grant.go  those whose peers plugins may change
//	redis.go         the Redis clients that plugins are granted
//	log_file.go      a log file written in the background, reopened on demand
//	log_files.go     the log files in use, which generations share
//	log_output.go    the server's own log
//	metrics.go       the server's metrics
//	admin.go         the operator's listener
//	admin_upstreams.go  there: peers that are looked at and changed while they serve
//
// The connection loop is phasm's own, over fasthttp's parser and
// serialiser. fasthttp's Server would hand over a request only with its body,
// could not send a part of a response while the handler still runs, keeps
// pipelined responses back when the log phase must come after them, and has
// one deadline for a whole request.
package server

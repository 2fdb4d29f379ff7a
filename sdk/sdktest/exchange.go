//go:build !wasip1

package sdktest

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"phasm/sdk"
	"phasm/sdk/abi"
)

// Request is what a client sends, and what the server knows about it. Every
// field may be left out.
type Request struct {
	Method     string // "GET"
	Target     string // path and query, undecoded: "/"
	Protocol   string // "HTTP/1.1"
	Host       string // "example.com"
	Header     http.Header
	Body       string
	BodyErr    error             // how reading the body ends, such as sdk.ErrTimeout; nil is the end of the body
	Params     map[string]string // path parameters of the route's pattern
	Route      string            // the route's name
	RemoteAddr string            // address and port of the client: "192.0.2.1:1234"
	TLS        bool
	SSL        map[string]string // variables of a TLS connection, such as ssl_client_s_dn; those left out are empty
	ClientGone bool              // the client has closed the connection
	Ctx        map[string]string // what other plugins have put into the context

	// Peers are those of the upstream whose balancer the plugin is: by default
	// up, of weight 1, Name and Address being the same.
	Peers []sdk.Peer

	// Balances names that upstream in the place of Peers, where the plugin may
	// change it: see UpstreamPeers.
	Balances string

	// Upstream makes the content where the plugin has no content handler.
	Upstream Upstream
}

// Upstream is a response that does not come from the plugin: from an upstream
// server, from files or from the configuration.
type Upstream struct {
	Status int // 200
	Header http.Header
	Chunks []string // the body, in the parts in which it passes the body filter
}

// Exchange is one request on its way, for a test that runs phases one by one.
type Exchange struct {
	host *Host

	method, uri, received, protocol string
	header                          fields
	body                            string
	bodyRead                        int
	bodyErr                         error
	params                          fields
	upstream                        Upstream

	start     int64
	id, route string
	tls, gone bool
	ssl       map[string]string
	number    int
	remote    netip.AddrPort
	ctx       map[string]string
	holds     []hold

	subrequests []*openSubrequest
	balancing   balancing

	response
}

// Begin takes a request in without running any phase.
func (h *Host) Begin(r Request) *Exchange {
	h.fake.requests++
	h.fake.closeHTTP() // what the exchange before had open
	remote, err := netip.ParseAddrPort(cmp.Or(r.RemoteAddr, "192.0.2.1:1234"))
	if err != nil {
		panic("sdktest: RemoteAddr is an address and a port: " + err.Error())
	}
	x := &Exchange{
		host:     h,
		method:   cmp.Or(r.Method, http.MethodGet),
		received: cmp.Or(r.Target, "/"),
		protocol: cmp.Or(r.Protocol, "HTTP/1.1"),
		header:   append(fields{{"Host", cmp.Or(r.Host, "example.com")}}, fieldsOf(r.Header)...),
		body:     r.Body,
		bodyErr:  r.BodyErr,
		upstream: r.Upstream,
		start:    h.fake.now,
		id:       fmt.Sprintf("%032x", h.fake.requests),
		number:   h.fake.requests,
		route:    r.Route,
		tls:      r.TLS,
		ssl:      r.SSL,
		gone:     r.ClientGone,
		remote:   remote,
		ctx:      map[string]string{},
	}
	x.balancing = balancing{peers: peersOf(r.Peers), chosen: -1}
	if r.Balances != "" {
		x.balancing.upstream, x.balancing.peers = r.Balances, h.Peers(r.Balances)
	}
	x.uri = canonicalTarget(x.received)
	x.status = http.StatusOK
	x.upstream.Status = cmp.Or(x.upstream.Status, http.StatusOK)
	maps.Copy(x.ctx, r.Ctx)
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		x.params = append(x.params, field{name, r.Params[name]})
	}
	return x
}

// Run runs the plugin's handler of one phase and answers its action. For the
// body filter there is [Exchange.BodyFilter].
func (x *Exchange) Run(p abi.Phase) abi.Action {
	action := x.host.fake.run(p, x)
	if action != abi.Continue && action != abi.Final {
		x.host.problems("%s answered action %d: the server takes it for a fault", p, action)
	}
	return action
}

// BodyFilter runs the plugin's body filter on one chunk and answers what takes
// its place.
func (x *Exchange) BodyFilter(chunk string, eof bool) string {
	x.chunk, x.eof = chunk, eof
	x.Run(abi.BodyFilter)
	return x.chunk
}

// Ctx is a value of the exchange's context.
func (x *Exchange) Ctx(key string) (value string, found bool) {
	value, found = x.ctx[key]
	return value, found
}

// Request is the request as the plugin left it, as an upstream would get it.
func (x *Exchange) Request() Request {
	header := x.header.header()
	header.Del("Host")
	host, _ := x.header.get("Host")
	return Request{
		Method: x.method, Target: x.uri, Protocol: x.protocol, Host: host,
		Header: header, Body: x.body, BodyErr: x.bodyErr,
		Route: x.route, RemoteAddr: x.remote.String(), TLS: x.tls, SSL: x.ssl, ClientGone: x.gone,
		Ctx: maps.Clone(x.ctx), Params: x.params.values(), Upstream: x.upstream,
		Peers: slices.Clone(x.balancing.peers),
	}
}

func (f fields) values() map[string]string {
	m := map[string]string{}
	for _, field := range f {
		m[field.name] = strings.Clone(field.value)
	}
	return m
}

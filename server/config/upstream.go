package config

import (
	"net"
	"reflect"
	"slices"
	"strings"
)

// Upstream is an [upstreams.NAME] table: a group of peers that requests are
// passed on to.
type Upstream struct {
	// Name is the table's name, by which routes refer to it.
	Name string

	// Peers are the servers of the group, at least one:
	// peers = ["127.0.0.1:9001", {address = "127.0.0.1:9002"}]. There may be none
	// where a plugin is granted to add some.
	Peers []Peer `toml:"peers"`

	// Balancing says how they are chosen.
	Balancing

	// Passing says how requests are passed on to them.
	Passing
}

// Peer is an element of peers: a table, or a string that is its address.
type Peer struct {
	// Address is "host:port", "https://host:port" for TLS, or "unix:/path" of a
	// socket. Required.
	Address string `toml:"address" required:"127.0.0.1:9000"`

	// PeerBalancing says what it gets.
	PeerBalancing
}

// unixPrefix begins the address of a Unix socket.
const unixPrefix = "unix:"

// peers returns the list of peers at path. It leaves bad elements out.
func (l *loader) peers(path string, in any) []Peer {
	elements, ok := in.([]any)
	if tables, are := in.([]map[string]any); are { // all of them tables
		ok = true
		for _, t := range tables {
			elements = append(elements, t)
		}
	}
	if !ok {
		l.wrongType(path, `an array such as ["127.0.0.1:9000"]`, in)
		return nil
	}
	list := make([]Peer, 0, len(elements))
	for i, element := range elements {
		at := indexPath(path, i)
		if text, ok := element.(string); ok {
			element = map[string]any{"address": text}
		}
		table, ok := element.(map[string]any)
		if !ok {
			l.wrongType(at, "an address or a table", element)
			continue
		}
		var one Peer
		l.table(at, table, reflect.ValueOf(&one).Elem())
		list = append(list, one)
	}
	return list
}

// checkUpstreams reports upstreams without peers, addresses that are none, and
// routes to upstreams that do not exist.
func (l *loader) checkUpstreams() {
	var names []string
	for _, u := range l.config.Upstreams {
		names = append(names, u.Name)
		path := keyPath(keyPath("upstreams", u.Name), "peers")
		if len(u.Peers) == 0 && !l.reported(path) && !l.peersMayCome(u.Name) {
			l.problem(path, `there must be at least one peer, as in peers = ["127.0.0.1:9000"], or a plugin that may add some: upstreams = [%s] among its grants`, describe(u.Name))
		}
		for i, p := range u.Peers {
			l.checkPeer(indexPath(path, i), p)
		}
		l.checkBalancing(keyPath("upstreams", u.Name), u)
		l.checkPassing(keyPath("upstreams", u.Name), u)
	}
	l.checkUpstreamGrants(names)
	for _, r := range l.config.Routes {
		if r.Upstream != "" {
			l.mustExist(keyPath(keyPath("routes", r.Name), "upstream"), "upstream", "upstreams", r.Upstream, names)
		}
	}
}

// peersMayCome tells whether a plugin may add peers to an upstream.
func (l *loader) peersMayCome(name string) bool {
	return slices.ContainsFunc(l.config.Plugins, func(p Plugin) bool { return slices.Contains(p.Grants.Upstreams, name) })
}

func (l *loader) checkPeer(path string, p Peer) {
	if p.Address == "" {
		return // reported
	}
	if strings.HasPrefix(p.Address, unixPrefix) {
		return
	}
	to := strings.TrimPrefix(strings.TrimPrefix(p.Address, "http://"), "https://")
	if host, port, err := net.SplitHostPort(to); err != nil || host == "" || port == "" || strings.Contains(port, "/") {
		l.problem(path, `%s is not the address of a peer; write one as in "127.0.0.1:9000", "https://app.internal:443" or "unix:/run/app.sock"`, describe(p.Address))
	}
}

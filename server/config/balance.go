package config

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Balancing is the part of an [upstreams.NAME] table that says how its peers
// are chosen.
type Balancing struct {
	// Balance is the way: round_robin in turn; least_connections who has the
	// fewest requests for its weight; ip_hash by the client's network, the first
	// three octets of an IPv4 address or the whole IPv6 one; hash by the key that
	// Hash names; random the one of two with fewer requests. Default round_robin.
	Balance string `toml:"balance" default:"round_robin" choices:"round_robin|least_connections|ip_hash|hash|random"`

	// Hash is what requests with the same peer have in common: "uri", "address"
	// (the client's), "header:NAME" or "cookie:NAME"; see ParseHash. Required
	// where Balance is hash, else not allowed.
	Hash string `toml:"hash"`

	// Balancer names the plugin that chooses; what it leaves open Balance
	// decides. Default none.
	Balancer string `toml:"balancer" ref:"plugin"`

	// MaxFails is how many failed requests within FailTimeout take a peer out;
	// 0: none do. A group's only peer is never out. Default 1.
	MaxFails int `toml:"max_fails" default:"1" min:"0"`

	// MaxFailsInARow is how many failed requests, with none answered in between,
	// take a peer out however long they take; 0: none do. Default 0.
	MaxFailsInARow int `toml:"max_fails_in_a_row" default:"0" min:"0"`

	// FailTimeout is how long failures count, how long a peer is out then, and
	// how often one request tries whether it is back. At least 1ms. Default 10s.
	FailTimeout Duration `toml:"fail_timeout" default:"10s" min:"1ms"`

	// MaxOut is how many of the peers, in percent, failed requests may take out
	// at the same time. From 1 to 100. Default 100.
	MaxOut int `toml:"max_out" default:"100" min:"1" max:"100"`

	// SlowStart is how long the share of a peer that is back, or new, grows up to
	// its weight. Default 0s: it has all at once.
	SlowStart Duration `toml:"slow_start" default:"0s"`

	// Queue is how many requests may wait while all peers have max_connections;
	// more are answered with 503. Default 0.
	Queue int `toml:"queue" default:"0" min:"0"`

	// QueueTimeout is how long they wait, at least 1ms. Default 60s.
	QueueTimeout Duration `toml:"queue_timeout" default:"60s" min:"1ms"`

	// Resolve is how often the names among the peers' addresses are asked for
	// anew, at least 1s. Default 30s.
	Resolve Duration `toml:"resolve" default:"30s" min:"1s"`

	// Health says how peers are asked whether they are well. Default: they are
	// not.
	Health *Health `toml:"health"`
}

// PeerBalancing is the part of a peer's table that says what it gets.
type PeerBalancing struct {
	// Weight is the peer's share, from 1 to 65535. Default 1.
	Weight int `toml:"weight" default:"1" min:"1" max:"65535"`

	// MaxConnections is how many requests it serves at the same time; 0: any
	// number. Default 0.
	MaxConnections int `toml:"max_connections" default:"0" min:"0"`

	// Backup says that it is asked only while none of the others can be.
	Backup bool `toml:"backup"`

	// Down says that it is never asked.
	Down bool `toml:"down"`
}

// Health is health = {path, interval, …} of an upstream: a GET request to each
// peer, again and again.
type Health struct {
	// Path is the request's, and its query. Required.
	Path string `toml:"path" required:"/health"`

	// Interval is the time between two rounds, give or take a tenth. At least
	// 10ms. Default 5s.
	Interval Duration `toml:"interval" default:"5s" min:"10ms"`

	// Timeout is how long the answer may take, connecting included. At least 1ms.
	// Default 1s.
	Timeout Duration `toml:"timeout" default:"1s" min:"1ms"`

	// Status is what a good answer has: a status, or the first and the last of a
	// range; see StatusRange. Default 200-399.
	Status string `toml:"status" default:"200-399"`

	// Rise is how many good answers in a row bring a peer back, from 1. Default 1.
	Rise int `toml:"rise" default:"1" min:"1"`

	// Fall is how many bad or missing answers in a row take it out, from 1.
	// Default 1.
	Fall int `toml:"fall" default:"1" min:"1"`
}

// HashSource is where the key of a consistent hash comes from.
type HashSource uint8

// Sources of keys.
const (
	HashURI     HashSource = iota // the request target, path and query, as the client sent it
	HashAddress                   // the client's address
	HashHeader                    // a header of the request, its first value
	HashCookie                    // a cookie of the request
)

// HashKey is the parsed form of an upstream's hash.
type HashKey struct {
	Source HashSource
	Name   string // of the header, in canonical form, or of the cookie
}

// ParseHash parses an upstream's hash: "uri", "address", "header:NAME" or
// "cookie:NAME".
func ParseHash(text string) (HashKey, error) {
	kind, name, named := strings.Cut(text, ":")
	switch {
	case kind == "uri" && !named:
		return HashKey{Source: HashURI}, nil
	case kind == "address" && !named:
		return HashKey{Source: HashAddress}, nil
	case kind == "header" && isToken(name):
		return HashKey{Source: HashHeader, Name: http.CanonicalHeaderKey(name)}, nil
	case kind == "cookie" && isToken(name):
		return HashKey{Source: HashCookie, Name: name}, nil
	}
	return HashKey{}, fmt.Errorf(`%s is no key; write "uri", "address", "header:NAME" or "cookie:NAME"`, describe(text))
}

// StatusRange is the first and the last status that a good answer has.
func (h *Health) StatusRange() (first, last int, err error) {
	from, to, isRange := strings.Cut(h.Status, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || first < 100 || last > 599 || first > last {
		return 0, 0, fmt.Errorf(`%s is no status; write one, from 100 to 599, as in "200", or a range as in "200-399"`, describe(h.Status))
	}
	return first, last, nil
}

// checkUpstreamGrants reports grants of upstreams that there are not.
func (l *loader) checkUpstreamGrants(names []string) {
	for _, p := range l.config.Plugins {
		at := keyPath(keyPath(keyPath("plugins", p.Name), "grants"), "upstreams")
		for i, name := range p.Grants.Upstreams {
			l.mustExist(indexPath(at, i), "upstream", "upstreams", name, names)
		}
	}
}

// checkBalancing reports what makes no sense about how peers are chosen.
func (l *loader) checkBalancing(path string, u Upstream) {
	at := keyPath(path, "hash")
	switch _, err := ParseHash(u.Hash); {
	case l.reported(at):
	case u.Balance == "hash" && !l.given[at]:
		l.problem(at, `is missing; write what requests with the same peer have in common, as in hash = "uri"`)
	case u.Balance != "hash" && l.given[at] && !l.reported(keyPath(path, "balance")):
		l.problem(at, `has a meaning only with balance = "hash"`)
	case l.given[at] && err != nil:
		l.problem(at, "%v", err)
	}
	seen := map[string]bool{}
	for i, p := range u.Peers {
		if seen[p.Address] && p.Address != "" {
			l.problem(indexPath(keyPath(path, "peers"), i), "%s stands there twice; give it a larger weight instead", describe(p.Address))
		}
		seen[p.Address] = true
	}
	if u.Health == nil {
		return
	}
	at = keyPath(path, "health")
	if _, _, err := u.Health.StatusRange(); err != nil && !l.reported(keyPath(at, "status")) {
		l.problem(keyPath(at, "status"), "%v", err)
	}
	if h := u.Health.Path; l.given[keyPath(at, "path")] && !strings.HasPrefix(h, "/") || strings.ContainsFunc(h, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '#' }) {
		l.problem(keyPath(at, "path"), `%s is no path; it begins with / and has no blanks, as in "/health"`, describe(h))
	}
}

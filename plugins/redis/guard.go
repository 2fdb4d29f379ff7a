package redis

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// guarded is a connection that ends when what the server sends is not what a
// Redis would: the library panics at replies that nobody has asked for, and at
// lengths that cannot be, in goroutines of its own, which would end the process.
//
// It has one reader and one writer.
type guarded struct {
	net.Conn
	client *Client

	sent     values       // the writer's
	commands atomic.Int64 // those that are sent and have a reply each

	got      values // the reader's, as are the following
	replies  int64
	confirms int64 // more that are to come for the subscription confirmed last
	problem  error

	// The first commands are sent at once, and their replies are read before
	// the library looks for messages among them.
	greeting atomic.Int64
	listens  atomic.Bool // a subscriber's of RESP 2: its arrays are pushes

	mu       sync.Mutex
	expected []expectation // of replies that have not come, in their order
}

// expectation is what the reply to a command must be like.
type expectation struct {
	place      int64 // of the command among all
	subscribes bool
	topics     int64 // that it subscribes to
	elements   int64 // that a list has at least
	pong       bool  // it is PONG, or
	refused    bool  // was an error, and PONG is the next
}

var (
	errUnasked  = errors.New("the server sends a reply that nobody has asked for")
	errSentinel = errors.New("the sentinel leaves out an address, or a server its role")
)

// maxBuilt is how large a reply the library gets to build: what may be, and what
// the library itself asks for with it.
const maxBuilt = MaxReply + 4<<10

// Write has commands gathered and counted. The library's writer runs as soon as
// the first goroutine has a command for it, and would send that one by a system
// call of its own although others are about to have theirs: first whoever is
// ready to run may queue its command, and all of these go in the next write,
// together.
func (g *guarded) Write(p []byte) (int, error) {
	if g.client.sent.Load() > 1 {
		runtime.Gosched()
	}
	first := g.commands.Load() == 0
	if first {
		g.listens.Store(!bytes.Contains(p, []byte("HELLO\r\n$1\r\n3\r\n")))
	}
	if _, err := g.sent.scan(p, g.command); err != nil {
		return 0, err
	}
	if first {
		g.greeting.Store(g.commands.Load())
	}
	return g.Conn.Write(p)
}

// command counts a command that is about to be sent.
func (g *guarded) command() error {
	switch string(g.sent.words[0]) {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE":
		g.expect(expectation{subscribes: true, topics: g.sent.length - 1})
	case "ROLE":
		g.expect(expectation{elements: 1})
	case "SENTINEL":
		if string(g.sent.words[1]) == "GET-MASTER-ADDR-BY-NAME" {
			g.expect(expectation{elements: 2})
		}
	case "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		g.expect(expectation{pong: true})
		return nil // the library sends a PING behind it, whose reply it takes
	}
	g.commands.Add(1)
	return nil
}

// expect says what the next reply that is counted must be like.
func (g *guarded) expect(e expectation) {
	e.place = g.commands.Load()
	g.mu.Lock()
	g.expected = append(g.expected, e)
	g.mu.Unlock()
}

// Read reads what the library may read.
func (g *guarded) Read(p []byte) (int, error) {
	for g.problem == nil {
		n, err := g.Conn.Read(p)
		g.got.most = maxBuilt
		if g.listens.Load() {
			g.got.most = 0 // messages, all of which are wanted
		}
		var kept int
		if kept, g.problem = g.got.scan(p[:n], g.reply); g.problem == nil && (kept > 0 || n == 0 || err != nil) {
			return kept, err
		}
	}
	return 0, g.problem
}

// reply checks that what the server has sent has been asked for.
func (g *guarded) reply() error {
	word := string(g.got.words[0])
	push := g.got.outer == '>'
	if g.listens.Load() && g.replies >= g.greeting.Load() {
		push = push || g.got.length > 0 && word != "pong"
	}
	if push && g.got.length < 2 {
		return nil // the library takes it for none that it knows
	}
	confirms := false
	if push {
		switch word {
		case "subscribe", "psubscribe", "ssubscribe":
			if g.confirms == 0 {
				confirms = true
				break
			}
			fallthrough
		case "unsubscribe", "punsubscribe", "sunsubscribe":
			g.confirms = max(0, g.confirms-1)
			return nil
		case "message":
			return g.message()
		default:
			return nil
		}
	}
	if g.replies >= g.commands.Load() {
		return errUnasked
	}
	refuses := (g.got.outer == '-' || g.got.outer == '!') && word != "QUEUED"
	expected := g.expects(g.replies)
	if confirms != expected.subscribes && !(expected.subscribes && refuses) {
		return errUnasked
	}
	if confirms {
		g.confirms = expected.topics - 1
	}
	list, pong := g.got.outer == '*' || g.got.outer == '~', "PONG"
	if list {
		pong = "pong"
	}
	switch {
	case expected.pong && refuses && !expected.refused: // UNSUBSCRIBE itself is: PONG comes behind it
		expected.refused = true
		g.mu.Lock()
		g.expected = slices.Insert(g.expected, 0, expected)
		g.mu.Unlock()
		return nil
	case expected.pong && word != pong:
		return errUnasked
	case list && g.got.length >= 0 && g.got.length < expected.elements:
		return errSentinel
	}
	g.replies++
	return nil
}

// expects is what the reply to the command at a place must be like. That it is
// asked once is enough: it has its reply.
func (g *guarded) expects(place int64) (e expectation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.expected) > 0 && g.expected[0].place == place {
		e, g.expected = g.expected[0], g.expected[1:]
	}
	return e
}

// message checks what a sentinel publishes: the library takes for granted that
// each has all of its words (redis.io, "High availability with Redis Sentinel",
// "Pub/Sub messages").
func (g *guarded) message() error {
	words := 0
	switch string(g.got.words[1]) {
	case "+switch-master":
		words = 5
	case "+sentinel", "+reboot":
		words = 4
	}
	if g.client.options.Sentinel.MasterSet != "" && g.got.spaces < words-1 {
		return errSentinel
	}
	return nil
}

package redis

import (
	"bytes"
	"errors"
	"net"
	"runtime"
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

	mu            sync.Mutex
	subscriptions []subscription // those that are not confirmed, in their order
}

// subscription is a command that subscribes.
type subscription struct {
	place  int64 // among all commands
	topics int64
}

var errUnasked = errors.New("the server sends a reply that nobody has asked for")

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
	switch string(g.sent.word) {
	case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE":
		g.mu.Lock()
		g.subscriptions = append(g.subscriptions, subscription{g.commands.Load(), g.sent.length - 1})
		g.mu.Unlock()
	case "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE":
		return nil // the library sends a PING behind it, whose reply it takes
	}
	g.commands.Add(1)
	return nil
}

// Read reads what the library may read.
func (g *guarded) Read(p []byte) (int, error) {
	for g.problem == nil {
		n, err := g.Conn.Read(p)
		var kept int
		if kept, g.problem = g.got.scan(p[:n], g.reply); g.problem == nil && (kept > 0 || n == 0 || err != nil) {
			return kept, err
		}
	}
	return 0, g.problem
}

// reply checks that what the server has sent has been asked for.
func (g *guarded) reply() error {
	word := string(g.got.word)
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
		default:
			return nil
		}
	}
	if g.replies >= g.commands.Load() {
		return errUnasked
	}
	refuses := (g.got.outer == '-' || g.got.outer == '!') && word != "QUEUED"
	topics, subscribes := g.subscribes(g.replies)
	if confirms != subscribes && !(subscribes && refuses) {
		return errUnasked
	}
	if confirms {
		g.confirms = topics - 1
	}
	g.replies++
	return nil
}

// subscribes tells whether the command at a place subscribes, and to how many
// topics. That it is asked once is enough: it has its reply.
func (g *guarded) subscribes(place int64) (topics int64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.subscriptions) == 0 || g.subscriptions[0].place != place {
		return 0, false
	}
	topics = g.subscriptions[0].topics
	g.subscriptions = g.subscriptions[1:]
	return topics, true
}

package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Message is what was published to a channel that the plugin is subscribed to.
type Message struct {
	Redis   string // the name of the Redis server that it comes from
	Channel string
	Pattern string // that the channel matches; empty for a subscription to the channel itself
	Data    string
}

// OnMessage registers what runs for each message of the channels that the
// plugin is subscribed to, one after the other in their order. Like phase
// handlers it is called in the plugin's init function; a second one panics. An
// error is a fault of the plugin, and logged; the message is not tried again.
//
// It runs on an instance that serves no request: it finds the package variables
// of that instance alone. What all instances are to know goes into a zone.
//
// At most 1024 messages wait, of 8 MiB together. Where there are more, those
// that have waited for longest are dropped, and [OnMissed] runs.
func OnMessage(f func(m *Message) error) {
	phases.RegisterMessage(lifecycle(func() error {
		m := &Message{Redis: text(appendMessageRedis(scratch)), Channel: text(appendMessageChannel(scratch)), Pattern: text(appendMessagePattern(scratch))}
		data, err := appendMessageData(scratch)
		if err != nil {
			return err
		}
		m.Data = text(data, nil)
		return f(m)
	}))
	handleMessages()
}

// OnMissed registers what runs where messages may have been missed: once the
// plugin's subscriptions stand, and again after the connection to Redis was
// lost or messages were dropped. What the plugin remembers of earlier messages
// may be out of date by then; the next messages come after it. It is called in
// the plugin's init function; a second one panics.
func OnMissed(f func() error) {
	phases.RegisterMissed(lifecycle(f))
	handleMessages()
}

func handleMessages() {
	if !phases.Registered().Has(abi.Message) {
		phases.Register(abi.Message, runMessage)
	}
}

// runMessage runs the handler for what the call is about.
func runMessage() Action {
	if h := phases.Message(imports.MessageMissed() == 1); h != nil {
		return h()
	}
	return Continue
}

// Subscribe subscribes the plugin to a channel, for [OnMessage], and comes back
// at once: where Redis is away the subscription stands when it is back. It is
// for the plugin, not for the instance, and holds until the server stops or has
// another configuration. Again with the same channel it does nothing. The place
// for it is [InitWorker]; it works everywhere but in init and exit_worker.
//
//   - [ErrNotGranted]: the plugin may not use SUBSCRIBE, or the channel does not
//     begin with the prefix that it is granted
//   - [ErrBadArgument]: the name is empty or has more than 1024 bytes
//   - [ErrNoMemory]: the plugin has 1024 subscriptions
//   - [ErrClosed]: the server stops, or has another configuration
func (r *Redis) Subscribe(channel string) error {
	return errnoOf(imports.RedisSubscribe(r.handle, 0, channel))
}

// PSubscribe is [Redis.Subscribe] for all channels whose names match a pattern
// (PSUBSCRIBE).
func (r *Redis) PSubscribe(pattern string) error {
	return errnoOf(imports.RedisSubscribe(r.handle, 1, pattern))
}

func appendMessageRedis(dst []byte) ([]byte, error) {
	n := imports.MessageRedis(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.MessageRedis(free(dst))
	}
	return taken(dst, n)
}

func appendMessageChannel(dst []byte) ([]byte, error) {
	n := imports.MessageChannel(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.MessageChannel(free(dst))
	}
	return taken(dst, n)
}

func appendMessagePattern(dst []byte) ([]byte, error) {
	n := imports.MessagePattern(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.MessagePattern(free(dst))
	}
	return taken(dst, n)
}

func appendMessageData(dst []byte) ([]byte, error) {
	n := imports.MessageData(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.MessageData(free(dst))
	}
	return taken(dst, n)
}

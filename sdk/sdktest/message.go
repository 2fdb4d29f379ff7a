//go:build !wasip1

package sdktest

import "phasm/sdk/abi"

// messages are what the plugin is subscribed to, and the message that its
// handler runs for.
type messages struct {
	topics []topic
	run    message
	missed bool
}

type topic struct {
	redis   string
	pattern bool
	name    string
}

type message struct{ redis, channel, pattern, data string }

const (
	maxTopics = 1024
	maxTopic  = 1024 // bytes
)

// Publish publishes a message in a Redis server of that name: the plugin's
// OnMessage handler runs for each of its subscriptions that are meant. It
// answers how many those are.
func (h *Host) Publish(redis, channel, data string) int {
	f, n := h.fake, 0
	for _, t := range f.messages.topics {
		one := message{redis, channel, "", data}
		switch {
		case t.redis != redis:
			continue
		case t.pattern && matches(t.name, channel):
			one.pattern = t.name
		case t.pattern || t.name != channel:
			continue
		}
		n++
		f.messages.run = one
		h.runMessage("message on " + channel)
	}
	return n
}

// Missed runs the plugin's OnMissed handler, as the server does once the
// subscriptions stand and when a lost connection is back.
func (h *Host) Missed() {
	h.fake.messages.run, h.fake.messages.missed = message{}, true
	h.runMessage("missed messages")
	h.fake.messages.missed = false
}

func (h *Host) runMessage(what string) {
	if h.fake.run(abi.Message, nil) != abi.Continue {
		h.problems("%s failed: %s", what, h.fake.lastErrors())
	}
}

// RedisSubscribe implements imports.Host.
func (f *fake) RedisSubscribe(redis, pattern int32, channel string) int32 {
	if redis < 0 || int(redis) >= len(f.redis) || pattern < 0 || pattern > 1 || channel == "" || len(channel) > maxTopic {
		return badArgument
	}
	one := topic{f.redis[redis].name, pattern == 1, channel}
	for _, t := range f.messages.topics {
		if t == one {
			return done
		}
	}
	if len(f.messages.topics) == maxTopics {
		return noMemory
	}
	f.messages.topics = append(f.messages.topics, one)
	return done
}

// MessageMissed implements imports.Host.
func (f *fake) MessageMissed() int32 {
	if f.messages.missed {
		return 1
	}
	return 0
}

// MessageRedis implements imports.Host.
func (f *fake) MessageRedis(buf []byte) int32 { return reply(buf, f.messages.run.redis) }

// MessageChannel implements imports.Host.
func (f *fake) MessageChannel(buf []byte) int32 { return reply(buf, f.messages.run.channel) }

// MessagePattern implements imports.Host.
func (f *fake) MessagePattern(buf []byte) int32 { return reply(buf, f.messages.run.pattern) }

// MessageData implements imports.Host.
func (f *fake) MessageData(buf []byte) int32 { return reply(buf, f.messages.run.data) }

// matches tells whether a pattern of Redis', without its sets in brackets,
// matches a name: * stands for anything, ? for one byte, and \ quotes.
func matches(pattern, name string) bool {
	for pattern != "" {
		switch c := pattern[0]; {
		case c == '*':
			for i := range len(name) + 1 {
				if matches(pattern[1:], name[i:]) {
					return true
				}
			}
			return false
		case name == "":
			return false
		case c == '\\' && len(pattern) > 1:
			pattern = pattern[1:]
			if pattern[0] != name[0] {
				return false
			}
		case c != '?' && c != name[0]:
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return name == ""
}

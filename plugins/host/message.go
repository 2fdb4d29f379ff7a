package host

import (
	"phasm/plugins/redis"
	"phasm/sdk/abi"
)

// Messages run a plugin's message phase for what is published to the topics
// that it is subscribed to. It is safe for concurrent use.
type Messages interface {
	// Subscribe subscribes the plugin to a topic of the Redis server of that
	// name, and comes back at once; again with the same it does nothing. The
	// error is abi.NoMemory or abi.Closed.
	Subscribe(server string, s RedisSubscriber, t redis.Topic) abi.Errno
}

// RedisSubscriber is where subscriptions go: it is a *redis.Subscriber, whose
// methods say what each of these does.
type RedisSubscriber interface {
	Subscribe(t redis.Topic, r redis.Receiver) bool
	Remove(r redis.Receiver)
}

var _ RedisSubscriber = (*redis.Subscriber)(nil)

// MessageRun is what a call in the message phase is about.
type MessageRun struct {
	Redis string // the server's name
	redis.Message
	Missed bool // there is no message: some may have been missed
}

// maxTopic is how long the name of a channel or a pattern may be, in bytes.
const maxTopic = 1024

func redisSubscribe(c *Call, s []uint64) {
	handle := uint32(s[0])
	pattern := uint32(s[1])
	name, ok := c.view(s[2], s[3])
	if !ok || uint64(handle) >= uint64(len(c.Plugin.redis)) || pattern > 1 || len(name) == 0 || len(name) > maxTopic {
		fail(s, abi.BadArgument)
		return
	}
	server := &c.Plugin.redis[handle]
	topic := redis.Topic{Name: string(name), Pattern: pattern == 1}
	if err := server.Rules.CheckTopic(topic.Name, topic.Pattern); err != nil {
		c.Plugin.refuseRedis(server, err)
		fail(s, abi.NotGranted)
		return
	}
	if errno := c.Plugin.Messages.Subscribe(server.name, server.Subscriber, topic); errno != 0 {
		fail(s, errno)
		return
	}
	answer(s, 0)
}

func messageRedis(c *Call, s []uint64)   { c.replyText(s, c.Message.Redis, s[0], s[1]) }
func messageChannel(c *Call, s []uint64) { c.replyText(s, c.Message.Channel, s[0], s[1]) }
func messagePattern(c *Call, s []uint64) { c.replyText(s, c.Message.Pattern, s[0], s[1]) }
func messageData(c *Call, s []uint64)    { c.replyText(s, c.Message.Data, s[0], s[1]) }

func messageMissed(c *Call, s []uint64) {
	s[0] = 0
	if c.Message.Missed {
		s[0] = 1
	}
}

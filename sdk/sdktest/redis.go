//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"phasm/sdk/abi"
)

// Redis is a fake of a Redis server that the configuration grants the plugin.
// Its default answers come from a map in memory:
//
//   - GET, SET (with NX, XX, EX, PX), SETEX, SETNX, MGET, DEL, EXISTS, INCR,
//     INCRBY, DECR, EXPIRE, PEXPIRE, TTL, PTTL and PERSIST on strings, expiring
//     by the fake's time
//   - HSET, HGET, HMGET, HGETALL, HDEL; SADD, SREM, SMEMBERS; LPUSH, LTRIM, LRANGE
//   - PUBLISH, which is kept in Published, and PING
//
// It knows no other command, no Lua, no rules of grants but the commands that
// are never granted, and it caches nothing. What a test needs beyond that it
// answers by Handle.
type Redis struct {
	// Handle answers commands before the map does. It answers false for those
	// that the map shall answer. Scripts come as EVAL, their text, the number of
	// keys, keys and arguments.
	Handle func(args []string) (answer any, ok bool)

	// Err is the error of every command where it is not nil: sdk.ErrTimeout for
	// a Redis that is silent, sdk.ErrIO for one that is away.
	Err error

	// Commands are the commands that have run, in their order.
	Commands [][]string

	// Published are the channels and messages of PUBLISH.
	Published [][2]string

	fake   *fake
	values map[string]*redisValue
}

// RedisError is an answer that is an error, such as "OOM command not allowed".
type RedisError string

// NewRedis makes a fake Redis with nothing in it, to be granted by
// [Redis.Grant].
func NewRedis() *Redis { return &Redis{values: map[string]*redisValue{}} }

// Grant grants the plugin the Redis server under a name.
func (r *Redis) Grant(name string) Grant {
	return func(f *fake) {
		r.fake = f
		f.redis = append(f.redis, grantedRedis{name, r})
		slices.SortFunc(f.redis, func(a, b grantedRedis) int { return strings.Compare(a.name, b.name) })
	}
}

type grantedRedis struct {
	name string
	*Redis
}

// RedisOpen implements imports.Host.
func (f *fake) RedisOpen(name string) int32 {
	if name == "" {
		return badArgument
	}
	for handle, r := range f.redis {
		if r.name == name {
			return int32(handle)
		}
	}
	return f.notGranted("redis", name)
}

const (
	maxRedisArgs     = 1 << 16
	maxRedisCommands = 1000
)

// server is the Redis of a handle.
func (f *fake) server(handle int32) *Redis {
	f.redisReply = ""
	if handle < 0 || int(handle) >= len(f.redis) {
		return nil
	}
	return f.redis[handle].Redis
}

// RedisDo implements imports.Host.
func (f *fake) RedisDo(redis int32, args string, ttl int64, buf []byte) int32 {
	r := f.server(redis)
	command, ok := parseList(args, maxRedisArgs)
	if r == nil || !ok || ttl < 0 || len(command) == 0 || command[0] == "" {
		return badArgument
	}
	if refused := f.refuse(command); refused < 0 {
		return refused
	}
	if ttl > 0 && (len(command) < 2 || !keeps(command[0])) {
		return badArgument
	}
	return f.answer(buf, r, func() any { return r.run(command) })
}

// RedisPipeline implements imports.Host.
func (f *fake) RedisPipeline(redis, transaction int32, commands string, buf []byte) int32 {
	r := f.server(redis)
	lists, ok := parseList(commands, maxRedisCommands)
	if r == nil || !ok || transaction < 0 || transaction > 1 {
		return badArgument
	}
	var all [][]string
	for _, list := range lists {
		command, ok := parseList(list, maxRedisArgs)
		if !ok || len(command) == 0 || command[0] == "" {
			return badArgument
		}
		if refused := f.refuse(command); refused < 0 {
			return refused
		}
		if blocks(command) {
			f.log(LogLine{Level: abi.Error, Phase: f.phase, Message: "redis: a command that may block must be sent alone, not in a pipeline"})
			return badArgument
		}
		all = append(all, command)
	}
	return f.answer(buf, r, func() any {
		replies := []any{}
		for _, command := range all {
			replies = append(replies, r.run(command))
		}
		return replies
	})
}

// RedisEval implements imports.Host.
func (f *fake) RedisEval(redis int32, script string, keys int32, args string, buf []byte) int32 {
	r := f.server(redis)
	list, ok := parseList(args, maxRedisArgs-3)
	if r == nil || !ok || keys < 0 || int(keys) > len(list) {
		return badArgument
	}
	return f.answer(buf, r, func() any {
		return r.run(append([]string{"EVAL", script, strconv.Itoa(int(keys))}, list...))
	})
}

// RedisReply implements imports.Host.
func (f *fake) RedisReply(buf []byte) int32 {
	n := reply(buf, f.redisReply)
	if int(n) <= len(buf) {
		f.redisReply = ""
	}
	return n
}

// refuse answers for commands that are never granted.
func (f *fake) refuse(command []string) int32 {
	name := strings.ToUpper(command[0])
	switch name {
	case "ASKING", "AUTH", "CLIENT", "DISCARD", "EXEC", "HELLO", "MONITOR", "MULTI", "PSYNC", "QUIT", "READONLY", "READWRITE", "REPLCONF", "RESET",
		"SELECT", "SYNC", "UNWATCH", "WAIT", "WAITAOF", "WATCH":
	case "SCRIPT":
		if len(command) < 2 || !strings.EqualFold(command[1], "DEBUG") {
			return done
		}
	default:
		if !strings.HasSuffix(name, "SUBSCRIBE") {
			return done
		}
	}
	f.log(LogLine{Level: abi.Error, Phase: f.phase, Message: "redis: the command " + name + " cannot be granted"})
	return int32(abi.NotGranted)
}

// keeps tells whether a command may be sdk.DoCached's: of those that the map
// does not know any.
func keeps(name string) bool {
	switch name = strings.ToUpper(name); name {
	case "GET", "HGET", "HMGET", "HGETALL", "SMEMBERS", "LRANGE", "TTL", "PTTL":
		return true
	}
	_, known := redisArity[name]
	return !known
}

// blocks tells whether a command may block: the fake answers it at once.
func blocks(command []string) bool {
	switch strings.ToUpper(command[0]) {
	case "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN":
		return true
	case "XREAD", "XREADGROUP":
		return slices.ContainsFunc(command, func(arg string) bool { return strings.EqualFold(arg, "BLOCK") })
	}
	return false
}

// answer runs what answers and encodes it, unless Redis or the client is away.
func (f *fake) answer(buf []byte, r *Redis, run func() any) int32 {
	if f.exchange != nil && f.phase != abi.Log && f.exchange.gone {
		return closed
	}
	if r.Err != nil {
		var errno abi.Errno
		if errors.As(r.Err, &errno) {
			return int32(errno)
		}
		return int32(abi.IO)
	}
	encoded := string(appendRedis(nil, run()))
	if len(encoded) > len(buf) {
		f.redisReply = encoded
	}
	return reply(buf, encoded)
}

// run runs a command.
func (r *Redis) run(command []string) any {
	r.Commands = append(r.Commands, command)
	if r.Handle != nil {
		if answer, ok := r.Handle(command); ok {
			return answer
		}
	}
	return r.store(strings.ToUpper(command[0]), command[1:])
}

// appendRedis encodes an answer: nil, a string, bytes, an int, an int64, a
// float64, a bool, a RedisError, a []any, a []string or a map[string]string.
func appendRedis(dst []byte, answer any) []byte {
	head := func(kind byte, n int) []byte {
		return binary.LittleEndian.AppendUint32(append(dst, kind), uint32(n))
	}
	switch v := answer.(type) {
	case nil:
		return append(dst, '_')
	case string:
		return append(head('$', len(v)), v...)
	case []byte:
		return append(head('$', len(v)), v...)
	case RedisError:
		return append(head('-', len(v)), v...)
	case int:
		return binary.LittleEndian.AppendUint64(append(dst, ':'), uint64(v))
	case int64:
		return binary.LittleEndian.AppendUint64(append(dst, ':'), uint64(v))
	case float64:
		return binary.LittleEndian.AppendUint64(append(dst, ','), math.Float64bits(v))
	case bool:
		if v {
			return append(dst, '#', 1)
		}
		return append(dst, '#', 0)
	case []any:
		dst = head('*', len(v))
		for _, element := range v {
			dst = appendRedis(dst, element)
		}
		return dst
	case []string:
		dst = head('*', len(v))
		for _, element := range v {
			dst = appendRedis(dst, element)
		}
		return dst
	case redisSet:
		dst = head('~', len(v))
		for _, element := range v {
			dst = appendRedis(dst, element)
		}
		return dst
	case map[string]string:
		dst = head('%', len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			dst = appendRedis(appendRedis(dst, key), v[key])
		}
		return dst
	}
	panic("sdktest: a Redis command cannot be answered with this type")
}

package sdk

import (
	"strings"

	"phasm/sdk/internal/imports"
)

// Redis is a Redis server that the configuration names and grants the plugin:
//
//	[redis.cache]
//	addresses = ["127.0.0.1:6379"]
//
//	[plugins.NAME.grants]
//	redis = ["cache"]
//
// It may be kept in a package variable and used in every phase. A command
// blocks this request and no other; commands of many requests share
// connections and round trips. OpenResty: lua-resty-redis.
type Redis struct{ handle int32 }

// OpenRedis finds a Redis server by its name in the configuration. It opens no
// connection, so it works in the init phase and while Redis is away. A name
// that is not granted is [ErrNotGranted]; a plugin that calls OpenRedis is
// refused where no Redis is granted.
func OpenRedis(name string) (*Redis, error) {
	handle := imports.RedisOpen(name)
	if handle < 0 {
		return nil, errnoOf(handle)
	}
	return &Redis{handle}, nil
}

// Do runs a command, its name first: r.Do("SETEX", key, "300", value). An error
// that Redis answers comes as a [RedisError]; with any other the command may
// have run:
//
//   - [ErrNotGranted]: the command, or a key of it, is not granted; the log says
//     which. Commands that change the connection (SELECT, AUTH, MULTI, …), or
//     wait for what was done on it (WAIT), never are; to receive what is
//     published there is [Redis.Subscribe]
//   - [ErrTimeout]: no reply within the Redis server's timeout, or at the call's
//     deadline
//   - [ErrBusy]: the command may block, and 64 of the server's do already
//   - [ErrClosed]: the client has gone
//   - [ErrIO]: the connection cannot be made, or was lost
//   - [ErrNoMemory]: the reply is larger than 16 MiB, or than the plugin's
//     memory may be
//
// A command that may block (BLPOP, BLMOVE, XREAD with BLOCK, …) has a connection
// of its own. It waits for as long as it says, but no longer than the call may
// last (wall in the plugin's limits). It must not be in a pipeline.
func (r *Redis) Do(args ...string) (Reply, error) { return r.do(0, args) }

// DoCached is [Redis.Do] for a command that reads one key, its first argument:
// GET, HGETALL and the like. Where the configuration gives the Redis server a
// cache, the reply may be one that phasm has kept, for ttl at most and no
// longer than until Redis says that the key has changed; but not that of a
// command with more than one argument behind the key, such as LRANGE. Commands
// that do not read one key are [ErrBadArgument], and so is a ttl that is not
// greater than 0.
func DoCached[D Duration](r *Redis, ttl D, args ...string) (Reply, error) {
	if ttl <= 0 {
		return Reply{}, ErrBadArgument
	}
	return r.do(int64(ttl), args)
}

// redisArguments is where lists for the host are put together.
var redisArguments []byte

func listOf(items []string) string {
	redisArguments = redisArguments[:0]
	for _, item := range items {
		redisArguments = appendItem(redisArguments, item)
	}
	if cap(redisArguments) > maxScratch {
		large := redisArguments
		redisArguments = nil
		return stringOf(large)
	}
	return stringOf(redisArguments)
}

func (r *Redis) do(ttl int64, args []string) (Reply, error) {
	return redisReply(imports.RedisDo(r.handle, listOf(args), ttl, scratch[:cap(scratch)]))
}

// redisReply makes a reply of one that was written to scratch, or waits because it
// has no room there. The command has run: it must not be called again.
func redisReply(n int32) (Reply, error) {
	if n < 0 {
		return Reply{}, errnoOf(n)
	}
	b := make([]byte, n)
	if int(n) <= cap(scratch) {
		copy(b, scratch[:n])
	} else if n = imports.RedisReply(b); int(n) != len(b) {
		return Reply{}, ErrIO
	}
	whole := Reply{raw: stringOf(b)}
	return whole, whole.Err()
}

// Pipeline collects commands that go to Redis in one round trip. Commands of
// others may run in between; those of a transaction run together.
type Pipeline struct {
	redis       *Redis
	transaction int32
	commands    []string // each a list
}

// Pipeline begins a pipeline (init_pipeline, commit_pipeline).
func (r *Redis) Pipeline() *Pipeline { return &Pipeline{redis: r} }

// Tx begins a transaction: its commands run between MULTI and EXEC.
func (r *Redis) Tx() *Pipeline { return &Pipeline{redis: r, transaction: 1} }

// Do adds a command, at most 1000, and answers the pipeline.
func (p *Pipeline) Do(args ...string) *Pipeline {
	p.commands = append(p.commands, strings.Clone(listOf(args)))
	return p
}

// Run runs the commands and answers a reply for each, whose Err says whether
// Redis has refused that one. The error is as with [Redis.Do], and concerns all
// of them; that of a transaction is a [RedisError] where a command kept all
// from running. The pipeline is empty afterwards.
func (p *Pipeline) Run() ([]Reply, error) {
	commands := p.commands
	p.commands = nil
	whole, err := redisReply(imports.RedisPipeline(p.redis.handle, p.transaction, listOf(commands), scratch[:cap(scratch)]))
	if err != nil {
		return nil, err
	}
	return whole.Slice(), nil
}

// Script is a Lua script that runs inside of Redis. The configuration must
// grant the command EVAL by name, because a script may call what it likes:
//
//	[plugins.NAME.grants.redis_rules.cache]
//	commands = ["default", "EVAL"]
type Script struct{ text string }

// NewScript makes a script of its text.
func NewScript(text string) *Script { return &Script{text} }

// Run runs the script with its KEYS and ARGV: by its digest where Redis knows
// it, else by its text (EVALSHA, EVAL). Errors are those of [Redis.Do].
func (s *Script) Run(r *Redis, keys []string, args ...string) (Reply, error) {
	all := make([]string, 0, len(keys)+len(args))
	all = append(append(all, keys...), args...)
	return redisReply(imports.RedisEval(r.handle, s.text, clamp(len(keys)), listOf(all), scratch[:cap(scratch)]))
}

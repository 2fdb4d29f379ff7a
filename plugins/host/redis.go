package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/redis/command"
	"phasm/sdk/abi"
)

// RedisGrant is a Redis that a plugin may use, and what it may do there.
type RedisGrant struct {
	Client     RedisClient
	Rules      command.Rules
	Subscriber RedisSubscriber
	Metrics    *RedisMetrics // nil counts nothing
}

// RedisClient talks to a Redis: it is a *redis.Client, whose methods say what
// each of these does.
type RedisClient interface {
	Do(ctx context.Context, dst []byte, r redis.Request) ([]byte, error)
	Cached(ctx context.Context, dst []byte, r redis.Request, ttl time.Duration) ([]byte, error)
	Pipeline(ctx context.Context, dst []byte, requests []redis.Request) ([]byte, error)
	Transaction(ctx context.Context, dst []byte, requests []redis.Request) ([]byte, error)
	Eval(ctx context.Context, dst []byte, script string, keys int, args []string) ([]byte, error)
	Timeout() time.Duration
	Complain() bool
}

var _ RedisClient = (*redis.Client)(nil)

// redisServer is a Redis as a plugin knows it. Its handle is its place among
// all that the plugin is granted, by name: the same in every instance, so that
// guests may keep it in a snapshot.
type redisServer struct {
	name string
	RedisGrant
}

func newRedisServers(g Grants) (servers []redisServer) {
	for _, name := range slices.Sorted(maps.Keys(g.Redis)) {
		servers = append(servers, redisServer{name, g.Redis[name]})
	}
	return servers
}

// redisState is what an instance keeps of its calls to Redis.
type redisState struct {
	patience *patience
	requests []redis.Request
	args     []string // of all requests
	keys     []int
	reply    []byte // the last one
	blocks   bool   // the command that is sent may block
	pending  bool   // it had no room in the guest's buffer: redis_reply gives it
}

// forget drops a reply that was not asked for.
func (s *redisState) forget() {
	if s.pending {
		s.pending, s.reply = false, kept(s.reply)
	}
}

// Limits on what a guest sends at once. Its memory is one as well.
const maxRedisArgs = 1 << 16

func redisOpen(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok || len(name) == 0 {
		fail(s, abi.BadArgument)
		return
	}
	for handle, server := range c.Plugin.redis {
		if server.name == string(name) {
			answer(s, handle)
			return
		}
	}
	c.notGranted(s, Redis, name)
}

// redisCall is a call of one of the functions that send something.
type redisCall struct {
	*Call
	server        *redisServer
	stack         []uint64
	ptr, capacity uint64 // of the guest's buffer
}

// redisCall begins a call: it finds the server and looks at the buffer, whose
// place on the stack is given, because a command that has run cannot be undone.
func (c *Call) redisCall(s []uint64, buf int) (r redisCall, ok bool) {
	r = redisCall{Call: c, stack: s, ptr: s[buf], capacity: s[buf+1]}
	c.redis.forget()
	handle := uint32(s[0])
	_, writable := c.memory.Read(uint32(r.ptr), uint32(r.capacity))
	if uint64(handle) >= uint64(len(c.Plugin.redis)) || !writable {
		fail(s, abi.BadArgument)
		return r, false
	}
	r.server = &c.Plugin.redis[handle]
	st := &c.redis
	st.requests, st.args, st.keys, st.blocks = st.requests[:0], st.args[:0], st.keys[:0], false
	return r, true
}

func redisDo(c *Call, s []uint64) {
	r, ok := c.redisCall(s, 4)
	ttl := time.Duration(s[3])
	if !ok {
		return
	}
	list, ok := c.view(s[1], s[2])
	if !ok || ttl < 0 || !r.add(string(list)) {
		r.refuse(ok && ttl >= 0)
		return
	}
	q := c.redis.requests[0]
	checked, _ := command.Find(upper(q.Args[0]))
	if ttl > 0 && (!checked.Cacheable() || len(q.Keys) == 0) {
		fail(s, abi.BadArgument)
		return
	}
	ctx := r.begin()
	var err error
	if ttl > 0 {
		c.redis.reply, err = r.server.Client.Cached(ctx, c.redis.reply[:0], q, ttl)
	} else {
		c.redis.reply, err = r.server.Client.Do(ctx, c.redis.reply[:0], q)
	}
	r.end(err)
}

func redisPipeline(c *Call, s []uint64) {
	r, ok := c.redisCall(s, 4)
	transaction := uint32(s[1])
	if !ok {
		return
	}
	view, ok := c.view(s[2], s[3])
	if !ok || transaction > 1 {
		fail(s, abi.BadArgument)
		return
	}
	for rest := string(view); rest != ""; {
		var list string
		if list, rest, ok = cutItem(rest); !ok || len(c.redis.requests) == redis.MaxCommands {
			fail(s, abi.BadArgument)
			return
		}
		if !r.add(list) {
			r.refuse(true)
			return
		}
	}
	if c.redis.blocks {
		c.Plugin.refusals.once(fmt.Sprintf("redis %q: a command that may block must be sent alone, not in a pipeline", r.server.name))
		fail(s, abi.BadArgument)
		return
	}
	ctx := r.begin()
	send := r.server.Client.Pipeline
	if transaction == 1 {
		send = r.server.Client.Transaction
	}
	var err error
	c.redis.reply, err = send(ctx, c.redis.reply[:0], c.redis.requests)
	r.end(err)
}

func redisEval(c *Call, s []uint64) {
	r, ok := c.redisCall(s, 6)
	if !ok {
		return
	}
	script, ok1 := c.view(s[1], s[2])
	list, ok2 := c.view(s[4], s[5])
	keys := int(int32(s[3]))
	st := &c.redis
	st.args = append(st.args, "EVAL", string(script), strconv.Itoa(keys))
	if !ok1 || !ok2 || keys < 0 || !r.cut(string(list)) || keys > len(st.args)-3 {
		fail(s, abi.BadArgument)
		return
	}
	if !r.check(st.args) {
		return
	}
	ctx := r.begin()
	var err error
	st.reply, err = r.server.Client.Eval(ctx, st.reply[:0], st.args[1], keys, st.args[3:])
	r.end(err)
}

func redisReply(c *Call, s []uint64) {
	var waiting []byte
	if c.redis.pending {
		waiting = c.redis.reply
	}
	capacity := uint32(s[1])
	c.reply(s, waiting, s[0], s[1])
	if n := int32(s[0]); n >= 0 && uint32(n) <= capacity {
		c.redis.forget()
	}
}

// refuse answers bad argument, unless check has answered already.
func (r *redisCall) refuse(checked bool) {
	if !checked || int32(r.stack[0]) >= 0 {
		fail(r.stack, abi.BadArgument)
	}
}

// add makes a request of a list of arguments, and checks it.
func (r *redisCall) add(list string) bool {
	st := &r.redis
	r.stack[0] = 0 // no error has been answered
	first := len(st.args)
	if !r.cut(list) || first == len(st.args) || st.args[first] == "" {
		return false
	}
	return r.check(st.args[first:len(st.args):len(st.args)])
}

// cut cuts a list, which the caller gives away, into arguments.
func (r *redisCall) cut(list string) bool {
	for list != "" {
		item, rest, ok := cutItem(list)
		if !ok || len(r.redis.args) == maxRedisArgs {
			return false
		}
		r.redis.args = append(r.redis.args, item)
		list = rest
	}
	return true
}

// cutItem cuts the first item off a list.
func cutItem(list string) (item, rest string, ok bool) {
	if len(list) < 4 {
		return "", "", false
	}
	n := uint64(binary.LittleEndian.Uint32(bytesOf(list[:4])))
	if list = list[4:]; n > uint64(len(list)) {
		return "", "", false
	}
	return list[:n], list[n:], true
}

// upper is the name of a command as package command has it.
func upper(name string) string { return strings.ToUpper(name) }

// check makes a request of arguments, or answers why the plugin may not send
// it.
func (r *redisCall) check(args []string) bool {
	st := &r.redis
	first := len(st.keys)
	checked, err := r.server.Rules.Check(upper(args[0]), args, st.keys)
	if err == nil {
		st.keys = checked.Keys
		st.requests = append(st.requests, redis.Request{
			Args: args, Keys: checked.Keys[first:len(checked.Keys):len(checked.Keys)], Reads: checked.Reads(),
			Blocks: checked.Blocks, Scripts: checked.Scripts(),
		})
		st.blocks = st.blocks || checked.Blocks
		return true
	}
	var refusal *command.NotGranted
	switch {
	case errors.As(err, &refusal):
		r.Plugin.refuseRedis(r.server, refusal)
		fail(r.stack, abi.NotGranted)
	case errors.Is(err, command.ErrNever), errors.Is(err, command.ErrSubscribes):
		r.Plugin.refusals.once(fmt.Sprintf("redis %q: the command %.100q cannot be granted: %v", r.server.name, upper(args[0]), err))
		fail(r.stack, abi.NotGranted)
	default:
		fail(r.stack, abi.BadArgument)
	}
	return false
}

// refuseRedis logs what the plugin may not do with a server.
func (p *Plugin) refuseRedis(server *redisServer, refusal error) {
	p.refusals.once(fmt.Sprintf("redis %q: %v: see commands and prefix in [plugins.%s.grants.redis_rules.%s]",
		server.name, refusal, p.Name, server.name))
}

// begin begins the wait for a reply: until the client's timeout, unless the
// command may block, the call's deadline, or the client's leaving.
func (r *redisCall) begin() context.Context {
	r.beginWait()
	timeout := r.server.Client.Timeout()
	if r.redis.blocks {
		timeout = longestWait
	}
	until := r.waiting.Add(timeout)
	if !r.Until.IsZero() && r.Until.Before(until) {
		until = r.Until
	}
	if r.redis.patience == nil {
		r.redis.patience = newPatience()
	}
	r.redis.patience.begin(r.Call, until)
	return r.redis.patience
}

// end ends the wait and answers the reply, or the error.
func (r *redisCall) end(err error) {
	st := &r.redis
	if !st.patience.end() {
		st.patience = nil // somebody may look at it still
	}
	r.server.Metrics.count(r.waiting, st.blocks)
	r.EndWait()
	clear(st.args) // they hold on to what the guest has sent
	if err != nil {
		st.reply = kept(st.reply)
		fail(r.stack, r.errno(err))
		return
	}
	if uint64(len(st.reply)) > r.MostMemory {
		st.reply = nil
		fail(r.stack, r.tooLarge())
		return
	}
	r.reply(r.stack, st.reply, r.ptr, r.capacity)
	if uint64(len(st.reply)) > uint64(uint32(r.capacity)) {
		st.pending = true
		return
	}
	st.reply = kept(st.reply)
}

// tooLarge notes a reply that the guest does not get.
func (r *redisCall) tooLarge() abi.Errno {
	r.server.Metrics.fail(redisLarge)
	r.Plugin.refusals.once(fmt.Sprintf("redis %q: a reply is dropped because it is too large: the most is %d bytes, and what the plugin's memory may be (memory in [plugins.%s.limits]); read it in parts",
		r.server.name, redis.MaxReply, r.Plugin.Name))
	return abi.NoMemory
}

// errno is what the guest is told about an error, and what is logged about it
// is more.
func (r *redisCall) errno(err error) abi.Errno {
	m := r.server.Metrics
	switch {
	case errors.Is(err, redis.ErrBusy):
		m.fail(redisBusy)
		return abi.Busy
	case errors.Is(err, redis.ErrTooLarge):
		return r.tooLarge()
	case errors.Is(err, errClientGone):
		m.fail(redisTimeout)
		return abi.Closed
	}
	errno := abi.IO
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		errno = abi.Timeout
		m.fail(redisTimeout)
	} else {
		m.fail(redisError)
	}
	if (errno == abi.IO || !r.late()) && r.server.Client.Complain() {
		r.Plugin.Log.Warn("redis does not answer", "redis", r.server.name, "error", err)
	}
	return errno
}

//go:build !wasip1

package sdk_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestRedis(t *testing.T) {
	server := sdktest.NewRedis()
	h := sdktest.New(t, nil, server.Grant("cache"))
	if _, err := sdk.OpenRedis("other"); err != sdk.ErrNotGranted {
		t.Errorf("another server: %v", err)
	}
	r, err := sdk.OpenRedis("cache")
	fails(t, "OpenRedis", err, nil)
	text := func(args ...string) string {
		reply, err := r.Do(args...)
		var refused sdk.RedisError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%q: %v", args, err)
		}
		if err != nil {
			return err.Error()
		}
		if reply.IsNil() {
			return "nil"
		}
		return reply.Str()
	}
	for _, step := range []struct{ command, want string }{
		{"GET k", "nil"}, {"SET k v", "OK"}, {"GET k", "v"}, {"set k w NX", "nil"}, {"SET l 1 NX EX 30", "OK"},
		{"TTL l", "30"}, {"INCR l", "2"}, {"INCRBY l -5", "-3"}, {"INCR k", "ERR value is not an integer or out of range"},
		{"DEL k l m", "2"}, {"SETEX k 10 v", "OK"}, {"EXISTS k", "1"}, {"SET", "ERR wrong number of arguments for 'set' command"},
		{"HSET h a 1 b 2", "2"}, {"GET h", "WRONGTYPE Operation against a key holding the wrong kind of value"}, {"HGET h b", "2"},
		{"LPUSH c a b c", "3"}, {"LTRIM c 0 1", "OK"}, {"SADD s a b a", "2"}, {"SREM s a", "1"}, {"PUBLISH room hi", "0"},
	} {
		equal(t, step.command, text(strings.Fields(step.command)...), step.want)
	}
	h.Advance(10 * time.Second)
	equal(t, "an expired key", text("GET", "k"), "nil")
	reply, err := r.Do("HGETALL", "h")
	fails(t, "HGETALL", err, nil)
	if pairs := reply.Map(); reply.Kind() != sdk.RedisMap || reply.Len() != 2 || pairs["a"].Int() != 1 || pairs["b"].Int() != 2 {
		t.Errorf("HGETALL answers %v", pairs)
	}
	reply, err = r.Do("LRANGE", "c", "0", "-1")
	fails(t, "LRANGE", err, nil)
	equal(t, "LRANGE", strings.Join(reply.Strings(), " "), "c b")
	for _, name := range []string{"WAIT", "WAITAOF", "subscribe", "MULTI", "SELECT"} {
		_, err := r.Do(name, "x")
		fails(t, name, err, sdk.ErrNotGranted)
	}
	_, err = r.Do()
	fails(t, "no command", err, sdk.ErrBadArgument)
	_, err = sdk.DoCached(r, -time.Second, "GET", "h")
	fails(t, "a negative ttl", err, sdk.ErrBadArgument)
	_, err = sdk.DoCached(r, time.Second, "SET", "k", "v")
	fails(t, "DoCached of a command that writes", err, sdk.ErrBadArgument)
	reply, err = sdk.DoCached(r, time.Second, "HGET", "h", "a")
	fails(t, "DoCached", err, nil)
	equal(t, "DoCached", reply.Str(), "1")
	server.Err = sdk.ErrTimeout
	_, err = r.Do("GET", "k")
	fails(t, "a silent Redis", err, sdk.ErrTimeout)
}

// A reply that has no room in the SDK's buffer is fetched, not asked for again.
func TestRedisLargeReplies(t *testing.T) {
	server := sdktest.NewRedis()
	sdktest.New(t, nil, server.Grant("cache"))
	r, _ := sdk.OpenRedis("cache")
	for _, size := range []int{0, 1, 4<<10 - 6, 4<<10 - 5, 4<<10 - 4, 4 << 10, 1 << 20} {
		want := strings.Repeat("x", size)
		r.Do("SET", "k", want)
		before := len(server.Commands)
		reply, err := r.Do("GET", "k")
		fails(t, "GET", err, nil)
		if reply.Str() != want || len(server.Commands) != before+1 {
			t.Errorf("of %d bytes it sees %d, after %d commands", size, len(reply.Str()), len(server.Commands)-before)
		}
	}
}

func TestRedisPipeline(t *testing.T) {
	server := sdktest.NewRedis()
	sdktest.New(t, nil, server.Grant("cache"))
	r, _ := sdk.OpenRedis("cache")
	for _, p := range []*sdk.Pipeline{r.Pipeline(), r.Tx()} {
		replies, err := p.Do("SET", "k", "v").Do("INCR", "k").Do("GET", "k").Run()
		fails(t, "Run", err, nil)
		if len(replies) != 3 || replies[0].Str() != "OK" || replies[1].Err() == nil || replies[2].Str() != "v" {
			t.Errorf("got %v", replies)
		}
		again, err := p.Run()
		if len(again) != 0 || err != nil {
			t.Errorf("afterwards it has %v, %v", again, err)
		}
	}
	_, err := r.Pipeline().Do("GET", "k").Do("BLPOP", "k", "0").Run()
	fails(t, "a command that blocks", err, sdk.ErrBadArgument)
}

func TestRedisScript(t *testing.T) {
	server := sdktest.NewRedis()
	var seen []string
	server.Handle = func(args []string) (any, bool) {
		if args[0] != "EVAL" {
			return nil, false
		}
		seen = args
		return []any{nil, true, false, 1.5, int64(math.MinInt64), []string{"a"}, sdktest.RedisError("MINE it is")}, true
	}
	sdktest.New(t, nil, server.Grant("cache"))
	r, _ := sdk.OpenRedis("cache")
	reply, err := sdk.NewScript("return 1").Run(r, []string{"k"}, "a", "b")
	fails(t, "Run", err, nil)
	equal(t, "the command", strings.Join(seen, " "), "EVAL return 1 1 k a b")
	e := reply.Slice()
	if len(e) != 7 || !e[0].IsNil() || !e[1].Bool() || e[2].Bool() || e[3].Float() != 1.5 || e[4].Int() != math.MinInt64 ||
		e[5].Slice()[0].Str() != "a" || e[6].Err() != sdk.RedisError("MINE it is") {
		t.Errorf("got %v", e)
	}
}

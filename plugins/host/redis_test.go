package host_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/redis"
	"phasm/plugins/redis/command"
	"phasm/plugins/redis/redistest"
	"phasm/sdk/abi"
)

// withRedis gives the guest a real Redis under the names a and b: b has rules.
func (g *guest) withRedis(server *redistest.Server, timeout time.Duration) {
	g.t.Helper()
	client, err := redis.New(redis.Options{Addresses: []string{server.Address}, Timeout: timeout, Cache: 1 << 20})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(client.Close)
	log := slog.New(slog.NewJSONHandler(&g.log, nil))
	g.call.Plugin = host.NewPlugin("p", nil, host.Grants{Redis: map[string]host.RedisGrant{
		"a": {Client: client, Rules: command.Rules{Commands: []string{command.Default, "EVAL"}}},
		"b": {Client: client, Rules: command.Rules{Commands: []string{"GET", "SET"}, Prefix: "app:"}},
	}}, log, metric.NewRegistry())
}

// textReply is a reply that is a text, as guests see it.
func textReply(kind byte, text string) string { return string(kind) + string(list(text)) }

// noTTL forbids answers from the cache.
const noTTL = time.Duration(0)

func TestRedis(t *testing.T) {
	g := newGuest(t)
	g.withRedis(redistest.Start(t), 10*time.Second)
	for phase := range abi.NumPhases {
		g.begin(phase)
		g.want(0, "redis_open", "a")
		g.want(1, "redis_open", "b")
		g.want(notGranted, "redis_open", "c")
		g.want(badArgument, "redis_open", "")
		do := func(want string, handle int, args ...string) {
			t.Helper()
			if n, got := g.ask("redis_do", handle, args, noTTL, buffer(512)); n != int64(len(want)) || got != want {
				t.Errorf("in %s %q answers %d, %q, want %q", phase, args, n, got, want)
			}
		}
		do(textReply('$', "OK"), 0, "SET", "app:k", "v")
		do(textReply('$', "v"), 0, "get", "app:k")
		do(textReply('$', "v"), 1, "GET", "app:k")
		do("_", 0, "GET", "none")
		do(textReply('-', "WRONGTYPE Operation against a key holding the wrong kind of value"), 0, "LLEN", "app:k")
	}
}

func TestRedisRefuses(t *testing.T) {
	g := newGuest(t)
	g.withRedis(redistest.Start(t), 10*time.Second)
	for _, test := range []struct {
		handle int
		line   string
		want   int64
		logged string
	}{
		{0, "FLUSHALL", notGranted, `redis "a": the command "FLUSHALL" is not granted: see commands and prefix in [plugins.p.grants.redis_rules.a]`},
		{0, "WAIT 0 0", notGranted, `redis "a": the command "WAIT" cannot be granted: it is about the connection itself, which many share`},
		{0, "SUBSCRIBE c", notGranted, `redis "a": the command "SUBSCRIBE" cannot be granted: it subscribes, which is what redis_subscribe is for`},
		{1, "GET k", notGranted, `redis "b": the key "k" is not granted: see commands and prefix in [plugins.p.grants.redis_rules.b]`},
		{1, "DEL app:k", notGranted, `redis "b": the command "DEL" is not granted: see commands and prefix in [plugins.p.grants.redis_rules.b]`},
		{1, "GET", badArgument, ""},
		{2, "GET k", badArgument, ""},
		{-1, "GET k", badArgument, ""},
		{0, "", badArgument, ""},
	} {
		g.log.Reset()
		for range 2 { // a guest that goes on trying does not fill the log
			g.want(test.want, "redis_do", test.handle, strings.Fields(test.line), noTTL)
		}
		logged := ""
		for _, line := range g.lines() {
			logged += line["msg"].(string)
		}
		if logged != test.logged {
			t.Errorf("%q: it logs %q, want %q", test.line, logged, test.logged)
		}
	}
	g.want(badArgument, "redis_do", 0, []string{"SET", "k", "v"}, time.Second)
	g.want(badArgument, "redis_do", 0, []string{"MGET", "k"}, time.Second)
	g.want(badArgument, "redis_do", 0, []string{"GET", "k"}, -time.Second)
	g.want(badArgument, "redis_pipeline", 0, 2, []string{})
	g.want(notGranted, "redis_pipeline", 0, 0, []string{string(list("GET", "k")), string(list("SUBSCRIBE", "c"))})
	g.want(badArgument, "redis_eval", 0, "return 1", 1, []string{})
	g.want(badArgument, "redis_eval", 0, "return 1", -1, []string{"k"})
	g.want(notGranted, "redis_eval", 1, "return 1", 1, []string{"app:k"})
}

// A reply that has no room waits; the command runs once. It does not outlive
// the call, nor the next command.
func TestRedisReplyWaits(t *testing.T) {
	g := newGuest(t)
	server := redistest.Start(t)
	g.withRedis(server, 10*time.Second)
	large := strings.Repeat("x", 100_000)
	want := textReply('$', large)
	server.Do("SET", "k", large)
	for _, capacity := range []int{0, 1, len(want) - 1} {
		n, _ := g.ask("redis_do", 0, []string{"GET", "k"}, noTTL, buffer(capacity))
		small, _ := g.ask("redis_reply", buffer(10))
		whole, got := g.ask("redis_reply", buffer(len(want)))
		gone, _ := g.ask("redis_reply", buffer(10))
		if n != int64(len(want)) || small != n || whole != n || got != want || gone != 0 {
			t.Errorf("with room for %d: %d, %d, %d, %d", capacity, n, small, whole, gone)
		}
	}
	if stats := server.Do("INFO", "commandstats"); !strings.Contains(stats, "cmdstat_get:calls=3,") {
		t.Errorf("the server has seen %s", stats)
	}
	for name, forget := range map[string]func(){
		"the call's end": g.call.Begin,
		"a command":      func() { g.ask("redis_do", 0, []string{"PING"}, noTTL, buffer(64)) },
		"a bad one":      func() { g.ask("redis_do", 9, []string{"PING"}, noTTL, buffer(64)) },
	} {
		g.ask("redis_do", 0, []string{"GET", "k"}, noTTL, buffer(1))
		forget()
		if n, _ := g.ask("redis_reply", buffer(10)); n != 0 {
			t.Errorf("%s: a reply of %d bytes still waits", name, n)
		}
	}
	// The guest's memory can have 4 MiB.
	server.Do("SETRANGE", "huge", fmt.Sprint(5<<20), "x")
	g.want(noMemory, "redis_do", 0, []string{"GET", "huge"}, noTTL)
	if n, _ := g.ask("redis_reply", buffer(10)); n != 0 {
		t.Errorf("a reply of %d bytes waits", n)
	}
}

func TestRedisPipelinesAndScripts(t *testing.T) {
	g := newGuest(t)
	g.withRedis(redistest.Start(t), 10*time.Second)
	commands := []string{string(list("SET", "k", "v")), string(list("GET", "k")), string(list("GET", "none"))}
	want := "*\x03\x00\x00\x00" + textReply('$', "OK") + textReply('$', "v") + "_"
	for transaction := range 2 {
		if _, got := g.ask("redis_pipeline", 0, transaction, commands, buffer(512)); got != want {
			t.Errorf("transaction %d: got %q, want %q", transaction, got, want)
		}
	}
	want = "*\x02\x00\x00\x00" + textReply('$', "k") + textReply('$', "a")
	for range 2 {
		if _, got := g.ask("redis_eval", 0, "return {KEYS[1], ARGV[1]}", 1, []string{"k", "a"}, buffer(512)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for range 3 {
		if _, got := g.ask("redis_do", 0, []string{"GET", "k"}, time.Minute, buffer(512)); got != textReply('$', "v") {
			t.Errorf("cached: got %q", got)
		}
	}
}

// Nobody waits longer than the server's timeout, the call's deadline and the
// client.
func TestRedisWaits(t *testing.T) {
	server := redistest.Start(t)
	for _, test := range []struct {
		name    string
		timeout time.Duration
		wall    time.Duration
		gone    time.Duration
		want    int64
		atMost  time.Duration
	}{
		{"timeout", 50 * time.Millisecond, time.Minute, 0, timeout, 10 * time.Second},
		{"deadline", time.Minute, 50 * time.Millisecond, 0, timeout, 10 * time.Second},
		{"client", time.Minute, time.Minute, 50 * time.Millisecond, closed, 10 * time.Second},
	} {
		for _, connected := range []bool{false, true} {
			g := newGuest(t)
			g.withRedis(server, test.timeout)
			if connected {
				for begin := time.Now(); ; {
					if n, _ := g.ask("redis_do", 0, []string{"PING"}, noTTL, buffer(64)); n > 0 {
						break
					}
					if time.Since(begin) > 20*time.Second {
						t.Fatal("it never connects")
					}
				}
			}
			server.Pause()
			g.call.Begin()
			g.call.Budget.Wall = test.wall
			if test.gone > 0 {
				g.call.Exchange.Wire.(*wire).gone = time.Now().Add(test.gone)
			}
			begin := time.Now()
			n, _ := g.ask("redis_do", 0, []string{"GET", "k"}, noTTL, buffer(64))
			took := time.Since(begin)
			if n != test.want || took > test.atMost || took < 40*time.Millisecond {
				t.Errorf("%s, connected %v: it answers %d after %v, want %d", test.name, connected, n, took, test.want)
			}
			if blocked := g.call.Blocked; blocked < 40*time.Millisecond {
				t.Errorf("%s: %v of %v count as waiting", test.name, blocked, took)
			}
			server.Resume()
		}
	}
}

// A Redis that is away is an error at once, and a line in the log.
func TestRedisAway(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	g := newGuest(t)
	g.withRedis(server, 10*time.Second)
	for range 10 {
		g.want(ioError, "redis_do", 0, []string{"GET", "k"}, noTTL)
	}
	lines := g.lines()
	if len(lines) != 1 || lines[0]["msg"] != "redis does not answer" || lines[0]["redis"] != "a" || lines[0]["plugin"] != "p" {
		t.Errorf("it logs %v", lines)
	}
	server.Restart()
	for begin := time.Now(); ; {
		if n, _ := g.ask("redis_do", 0, []string{"PING"}, noTTL, buffer(64)); n > 0 {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("it does not work again")
		}
	}
}

// BenchmarkRedisGet is a GET as a guest asks for it, all the way to a server
// and back.
func BenchmarkRedisGet(b *testing.B) {
	g := newGuest(b)
	server := redistest.Start(b)
	g.withRedis(server, 10*time.Second)
	server.Do("SET", "k", strings.Repeat("x", 100))
	args := string(list("GET", "k"))
	g.memory.WriteString(1024, args)
	function := g.module.ExportedFunction("redis_do")
	for _, ttl := range []time.Duration{0, time.Minute} {
		b.Run(fmt.Sprintf("ttl=%v", ttl), func(b *testing.B) {
			b.ReportAllocs()
			stack := make([]uint64, 6)
			for b.Loop() {
				copy(stack, []uint64{0, 1024, uint64(len(args)), uint64(ttl), 2048, 512})
				if err := function.CallWithStack(g.call, stack); err != nil || int32(stack[0]) < 0 {
					b.Fatal(err, int32(stack[0]))
				}
			}
		})
	}
}

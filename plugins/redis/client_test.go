package redis

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// client makes a client that ends with the test.
func client(t testing.TB, options Options) *Client {
	t.Helper()
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// request is a command whose first argument is the key.
func request(args ...string) Request {
	r := Request{Args: args}
	if len(args) > 1 {
		r.Keys = []int{1}
	}
	return r
}

// do runs a command and answers its reply as text, or the error.
func do(c *Client, args ...string) (string, error) {
	return doWithin(c, 20*time.Second, args...)
}

func doWithin(c *Client, d time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	reply, err := c.Do(ctx, nil, request(args...))
	if err != nil {
		return "", err
	}
	return show(reply), nil
}

// want runs a command and checks its reply.
func want(t testing.TB, c *Client, want string, args ...string) {
	t.Helper()
	got, err := do(c, args...)
	if err != nil || got != want {
		t.Errorf("%q answers %s, %v; want %s", args, got, err, want)
	}
}

func TestSingle(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}})
	want(t, c, `"OK"`, "SET", "k", "v")
	want(t, c, `"v"`, "GET", "k")
	want(t, c, `_`, "GET", "none")
	want(t, c, `1`, "INCR", "n")
	want(t, c, `error "WRONGTYPE Operation against a key holding the wrong kind of value"`, "LPUSH", "k", "x")
	want(t, c, `error "ERR unknown command 'NOPE', with args beginning with: 'k' "`, "NOPE", "k")
	want(t, c, `2`, "HSET", "h", "a", "1", "b", "2")
	want(t, c, `{"a": "1", "b": "2"}`, "HGETALL", "h")
}

// A client without a server answers errors at once; when the server comes it
// works, and when it goes and comes again, too.
func TestServerComesAndGoes(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 5 * time.Second})
	for range 3 {
		if got, err := do(c, "GET", "k"); err == nil {
			t.Errorf("without a server it answers %s", got)
		}
	}
	for range 3 {
		server.Restart()
		recovered(t, c)
		server.Kill()
		failed := false
		for range 10 {
			_, err := do(c, "GET", "k")
			failed = failed || err != nil
		}
		if !failed {
			t.Error("without a server it answers")
		}
	}
}

// recovered waits until the client works.
func recovered(t testing.TB, c *Client) {
	t.Helper()
	var err error
	for begin := time.Now(); time.Since(begin) < 20*time.Second; {
		if _, err = do(c, "SET", "k", "v"); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not work again: %v", err)
}

// While a server is silent commands fail in time, more of them than the
// library has room for; afterwards it works again. A machine may stop for a
// moment, but not each time.
func TestSilentServer(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 200 * time.Millisecond})
	want(t, c, `"OK"`, "SET", "k", "v")
	for range 3 {
		server.Pause()
		worst := slowest(c, 3000, 100*time.Millisecond)
		server.Resume()
		recovered(t, c)
		t.Logf("of 3000 callers with 100ms the last one waited %v", worst)
		if worst < time.Second {
			return
		}
	}
	t.Error("callers wait for too long")
}

// slowest has so many callers wait for as long as each of them may, all at once,
// and answers how long the last one did.
func slowest(c *Client, callers int, within time.Duration) (worst time.Duration) {
	took := make(chan time.Duration, callers)
	for range callers {
		go func() {
			begin := time.Now()
			doWithin(c, within, "SET", "k", "v")
			took <- time.Since(begin)
		}()
	}
	for range callers {
		worst = max(worst, <-took)
	}
	return worst
}

// A server without memory refuses writes in its own words.
func TestFullServer(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
	c := client(t, Options{Addresses: []string{server.Address}})
	value := strings.Repeat("x", 100_000)
	for i := 0; ; i++ {
		got, err := do(c, "SET", fmt.Sprint("key", i), value)
		if err != nil || i == 1000 {
			t.Fatalf("the server is not full: %s, %v", got, err)
		}
		if got != `"OK"` {
			if !strings.HasPrefix(got, `error "OOM command not allowed`) {
				t.Errorf("it answers %s", got)
			}
			break
		}
	}
	want(t, c, "1", "DEL", "key0")
}

func TestCloseLeavesNothing(t *testing.T) {
	server := redistest.Start(t)
	before := runtime.NumGoroutine()
	for _, address := range []string{server.Address, "127.0.0.1:1"} {
		for range 5 {
			c, err := New(Options{Addresses: []string{address}, Cache: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			do(c, "SET", "k", "v")
			c.Close()
			if got, err := do(c, "GET", "k"); err == nil {
				t.Errorf("after Close it answers %s", got)
			}
		}
	}
	left := 0
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		if left = runtime.NumGoroutine(); left <= before {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, left, stacks[:runtime.Stack(stacks, true)])
}

func TestUsersAndDatabases(t *testing.T) {
	server := redistest.Start(t, strings.Fields("--user default off --user app on >secret ~app:* +@all -flushall")...)
	c := client(t, Options{Addresses: []string{server.Address}, Username: "app", Password: "secret", DB: 3})
	want(t, c, `"OK"`, "SET", "app:k", "v")
	want(t, c, `error "NOPERM this user has no permissions to access one of the keys used as arguments"`, "SET", "k", "v")
	for _, options := range []Options{{}, {Username: "app", Password: "wrong"}, {Password: "secret"}} {
		options.Addresses = []string{server.Address}
		wrong := client(t, options)
		got, err := do(wrong, "GET", "app:k")
		if err == nil && !strings.Contains(got, "NOAUTH") {
			t.Errorf("with %q and %q it answers %s", options.Username, options.Password, got)
		}
	}
}

func TestPipelineAndTransaction(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}})
	for range 2 { // while connecting, and connected
		pipeline := []Request{request("SET", "a", "1"), request("LPUSH", "a", "x"), request("PING"), request("GET", "a")}
		reply, err := c.Pipeline(t.Context(), []byte("before"), pipeline)
		const replies = `["OK", error "WRONGTYPE Operation against a key holding the wrong kind of value", "PONG", "1"]`
		if err != nil || string(reply[:6]) != "before" || show(reply[6:]) != replies {
			t.Errorf("got %s, %v", show(reply[6:]), err)
		}
	}
	for _, test := range []struct {
		requests []Request
		want     string
	}{
		{[]Request{request("INCR", "n"), request("INCR", "n")}, "[1, 2]"},
		{[]Request{request("INCR", "n"), request("LPUSH", "a", "x")}, `[3, error "WRONGTYPE Operation against a key holding the wrong kind of value"]`},
		{[]Request{request("INCR", "n"), request("INCR", "n", "n")}, `error "ERR wrong number of arguments for 'incr' command"`},
		{[]Request{request("GET", "n")}, `["3"]`},
		{nil, "[]"},
	} {
		reply, err := c.Transaction(t.Context(), nil, test.requests)
		if err != nil || show(reply) != test.want {
			t.Errorf("%v: got %s, %v; want %s", test.requests, show(reply), err, test.want)
		}
	}
}

func TestEval(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}})
	const script = "return {KEYS[1], ARGV[1], #KEYS}"
	for i := range 4 {
		if i == 2 {
			server.Do("SCRIPT", "FLUSH")
		}
		reply, err := c.Eval(t.Context(), nil, script, 1, []string{"k", "v"})
		if err != nil || show(reply) != `["k", "v", 1]` {
			t.Errorf("got %s, %v", show(reply), err)
		}
	}
	if calls := server.Do("INFO", "commandstats"); !strings.Contains(calls, "cmdstat_eval:calls=2,") || !strings.Contains(calls, "cmdstat_evalsha:calls=4,") {
		t.Errorf("the server has seen %s", calls)
	}
}

// What the client has kept it answers itself, until the key changes.
func TestCached(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Cache: 1 << 20})
	server.Do("SET", "k", "1")
	get := func() string {
		r := request("GET", "k")
		r.Reads = true
		reply, err := c.Cached(t.Context(), nil, r, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return show(reply)
	}
	for range 100 {
		if got := get(); got != `"1"` {
			t.Fatalf("got %s", got)
		}
	}
	if calls := server.Do("INFO", "commandstats"); !strings.Contains(calls, "cmdstat_get:calls=1,") {
		t.Errorf("the server has seen %s", calls)
	}
	server.Do("SET", "k", "2")
	for begin := time.Now(); get() != `"2"`; {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("it never sees the new value")
		}
	}
}

func TestCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	c := client(t, Options{Addresses: []string{nodes[1].Address}, Cluster: true, Timeout: 10 * time.Second})
	var pipeline []Request
	for i := range 100 {
		key := fmt.Sprint("key", i)
		want(t, c, `"OK"`, "SET", key, fmt.Sprint(i))
		pipeline = append(pipeline, request("GET", key), request("PING"))
	}
	reply, err := c.Pipeline(t.Context(), nil, pipeline)
	if got := show(reply); err != nil || !strings.HasPrefix(got, `["0", "PONG", "1", "PONG", "2"`) || !strings.HasSuffix(got, `"99", "PONG"]`) {
		t.Errorf("got %s, %v", got, err)
	}
	for _, test := range []struct {
		requests []Request
		want     string
	}{
		{[]Request{request("INCR", "{a}1"), request("INCR", "{a}2")}, "[1, 1]"},
		{[]Request{request("INCR", "a"), request("INCR", "b")}, `error "CROSSSLOT Keys in request don't hash to the same slot"`},
		{[]Request{request("PING"), request("INCR", "{a}1")}, `["PONG", 2]`},
	} {
		reply, err := c.Transaction(t.Context(), nil, test.requests)
		if err != nil || show(reply) != test.want {
			t.Errorf("%v: got %s, %v; want %s", test.requests, show(reply), err, test.want)
		}
	}
	for _, key := range []string{"a", "{a}b", "a{b}c", "{}a", "a{}", "{a", "", "{{a}}"} {
		if got := nodes[0].Do("CLUSTER", "KEYSLOT", key); got != fmt.Sprintf(":%d", slotOf(key)) {
			t.Errorf("%q is in slot %d, Redis says %s", key, slotOf(key), got)
		}
	}
}

func TestSentinels(t *testing.T) {
	master, replica, sentinel := redistest.Sentinels(t)
	c := client(t, Options{Addresses: []string{sentinel.Address}, Sentinel: "main", Timeout: 5 * time.Second})
	want(t, c, `"OK"`, "SET", "k", "v")
	if got := master.Do("GET", "k"); got != "v" {
		t.Errorf("the master has %s", got)
	}
	replica.Await("v", "GET", "k")
	master.Kill()
	recovered(t, c)
	if got := replica.Do("ROLE"); got != "*3" {
		t.Errorf("the replica's role is %s", got)
	}
	want(t, c, `"v"`, "GET", "k")
}

// Clients with the same options are one, and closed when nobody uses them.
func TestClients(t *testing.T) {
	var clients Clients
	get := func(o Options) *Client {
		c, err := clients.Get(o)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	options := Options{Addresses: []string{"127.0.0.1:1"}, Username: "a", Password: "b"}
	first, second := get(options), get(options)
	if first != second {
		t.Error("two clients with the same options")
	}
	for i, change := range []func(*Options){
		func(o *Options) { o.Addresses = []string{"127.0.0.1:2"} }, func(o *Options) { o.Password = "c" },
		func(o *Options) { o.DB = 1 }, func(o *Options) { o.TLS = &TLS{} }, func(o *Options) { o.TLS = &TLS{ServerName: "x"} },
		func(o *Options) { o.Cluster = true }, func(o *Options) { o.Sentinel = "x" }, func(o *Options) { o.Timeout = 1 }, func(o *Options) { o.Cache = 1 },
	} {
		other := options
		change(&other)
		if c := get(other); c == first {
			t.Errorf("change %d makes no difference", i)
		}
	}
	clients.Put(first)
	if third := get(options); third != first {
		t.Error("it was closed while it was used")
	} else {
		clients.Put(third)
	}
	clients.Put(second)
	if again := get(options); again == first {
		t.Error("a closed client is used again")
	}
}

func BenchmarkGet(b *testing.B) {
	server := redistest.Start(b)
	for _, cache := range []int64{0, 1 << 20} {
		c := client(b, Options{Addresses: []string{server.Address}, Cache: cache})
		want(b, c, `"OK"`, "SET", "k", strings.Repeat("x", 100))
		for _, parallel := range []int{1, 64} {
			b.Run(fmt.Sprintf("cache=%d/callers=%d", cache, parallel), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(parallel)
				body := func() {
					dst := make([]byte, 0, 200)
					r := Request{Args: []string{"GET", "k"}, Keys: []int{1}, Reads: true}
					if _, err := c.Cached(context.Background(), dst, r, time.Minute); err != nil {
						b.Fatal(err)
					}
				}
				if parallel == 1 {
					for b.Loop() {
						body()
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						body()
					}
				})
			})
		}
	}
}

// Sentinels may have a user and a password that are not the server's.
func TestSentinelCredentials(t *testing.T) {
	_, _, sentinel := redistest.Sentinels(t)
	sentinel.Do("ACL", "SETUSER", "watcher", "on", ">secret", "+@all", "&*")
	sentinel.Do("ACL", "SETUSER", "default", "off")
	with := func(user, password string) *Client {
		return client(t, Options{Addresses: []string{sentinel.Address}, Sentinel: "main", SentinelUsername: user, SentinelPassword: password, Timeout: 5 * time.Second})
	}
	want(t, with("watcher", "secret"), `"OK"`, "SET", "k", "v")
	for _, c := range []*Client{with("", ""), with("watcher", "wrong")} {
		if got, err := do(c, "GET", "k"); err == nil {
			t.Errorf("without the sentinels' password it answers %s", got)
		}
	}
}

package server

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"phasm/plugins/redis/redistest"
)

// messagesConfig is a plugin that is subscribed to channels of a Redis.
func messagesConfig(name, address string) string {
	return `
[redis.bus]
addresses = ["` + address + `"]
timeout = "2s"
[plugins.messages]
source = "TESTDATA/messages"
config = { name = "` + name + `" }
[plugins.messages.limits]
wall = "5s"
[plugins.messages.grants]
redis = ["bus"]
[plugins.messages.grants.redis_rules.bus]
prefix = "app:"
[routes.r]
match = "/"
content = "messages"
`
}

// subscribers are how many connections of phasm's are subscribed to something.
func subscribers(server *redistest.Server) int {
	return strings.Count(server.Do("CLIENT", "LIST", "TYPE", "pubsub"), " name=phasm ")
}

// Messages reach the plugin, whatever its handler does; a Redis that goes and
// comes back is subscribed to again, and a reload leaves one subscription.
func TestMessages(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	s := startFile(t, messagesConfig("one", redis.Address))
	if got := s.get("/up"); got != "up" {
		t.Errorf("without Redis / answers %q", got)
	}
	s.await("cannot subscribe to what is published in redis", "redis=bus")
	redis.Restart()
	s.await("missed: one")
	redis.Do("PUBLISH", "app:news", "hello")
	s.await("one has bus app:news  hello")
	redis.Do("PUBLISH", "app:pattern", "there")
	s.await("one has bus app:pattern app:p* there")

	for _, trouble := range []string{"panic", "error", "loop"} {
		redis.Do("PUBLISH", "app:news", trouble)
		if got := s.get("/up"); got != "up" {
			t.Errorf("with %s / answers %q", trouble, got)
		}
	}
	redis.Do("PUBLISH", "app:news", "after")
	s.await("one has bus app:news  after")
	if n := s.count("level=ERROR", "channel=app:news"); n != 3 {
		t.Errorf("%d faults are logged", n)
	}

	before := s.count("missed: one")
	redis.Kill()
	redis.Restart()
	waitFor(t, "the subscriptions", func() bool { return s.count("missed: one") > before })
	redis.Do("PUBLISH", "app:news", "again")
	s.await("one has bus app:news  again")

	s.write(messagesConfig("two", redis.Address))
	s.reload()
	s.await("missed: two")
	s.waitForGenerations(1)
	waitFor(t, "the first generation's end", func() bool { return subscribers(redis) == 1 })
	redis.Do("PUBLISH", "app:news", "second")
	s.await("two has bus app:news  second")
	if s.count("one has bus app:news  second") > 0 {
		t.Error("the generation that has ended still receives")
	}
	s.wantSample("phasm_plugin_messages_dropped_total", `{plugin="messages"}`, 0)
	s.stop()
	waitFor(t, "the end of the subscription", func() bool { return subscribers(redis) == 0 })
}

// Reloads while messages arrive: the generation in use has them, and nothing is
// left of those before.
func TestMessagesReloadHammer(t *testing.T) {
	redis := redistest.Start(t)
	s := startFile(t, messagesConfig("0", redis.Address))
	s.await("missed: 0")
	stop, running := make(chan struct{}), sync.WaitGroup{}
	running.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				redis.Do("PUBLISH", "app:news", "x")
			}
		}
	})
	const reloads = 5
	for n := 1; n <= reloads; n++ {
		name := strconv.Itoa(n)
		s.write(messagesConfig(name, redis.Address))
		s.reload()
		s.await(name + " has bus app:news  x")
	}
	close(stop)
	running.Wait()
	s.waitForGenerations(1)
	waitFor(t, "one subscription", func() bool { return subscribers(redis) == 1 })
}

// A request that waits for a list in Redis ends with what is pushed, at its
// deadline, or when its client goes; the others do not notice.
func TestBlockingCommands(t *testing.T) {
	redis := redistest.Start(t)
	s := startFile(t, messagesConfig("one", redis.Address))
	answer := make(chan string, 1)
	pop := func() { answer <- s.get("/pop") }
	go pop()
	redis.Await("blocked_clients:1", "INFO", "clients")
	if got := s.get("/up"); got != "up" {
		t.Errorf("meanwhile / answers %q", got)
	}
	redis.Do("RPUSH", "app:list", "pushed")
	if got := <-answer; got != "pushed" {
		t.Errorf("it answers %q", got)
	}
	go pop()
	if got := <-answer; got != "timeout" { // after 5 s, not the 2 s of other commands
		t.Errorf("at the deadline it answers %q", got)
	}
	redis.Await("blocked_clients:0", "INFO", "clients")

	c := s.dial()
	c.send("GET /pop HTTP/1.1\r\nHost: a\r\n\r\n")
	redis.Await("blocked_clients:1", "INFO", "clients")
	c.Close()
	redis.Await("blocked_clients:0", "INFO", "clients")

	s.wantSample("phasm_redis_commands_total", `{redis="bus"}`, 3)
	s.wantSample("phasm_redis_timeouts_total", `{redis="bus"}`, 2)
	s.wantSample("phasm_redis_errors_total", `{redis="bus"}`, 0)
	if s.count("redis does not answer") > 0 {
		t.Error("a call that waits until its deadline is taken for a Redis that does not answer")
	}
	redis.Kill()
	if got := s.get("/pop"); !strings.Contains(got, "I/O") {
		t.Errorf("without Redis it answers %q", got)
	}
	s.wantSample("phasm_redis_errors_total", `{redis="bus"}`, 1)
}

// The example keeps pages on two machines; a purge on one reaches the other.
func TestPurgeReachesTheOtherMachine(t *testing.T) {
	redis := redistest.Start(t)
	text := `
[redis.bus]
addresses = ["` + redis.Address + `"]
timeout = "10s"
[zones.pages]
size = "1MiB"
[plugins.cache]
source = "TESTDATA/../../wasm-examples/invalidate"
[plugins.cache.grants]
redis = ["bus"]
zones = ["pages"]
[routes.page]
match = "/"
access = ["cache"]
header_filter = ["cache"]
body_filter = ["cache"]
respond = { body = "the page" }
[routes.purge]
match = "PURGE /"
access = ["cache"]
respond = {status = 204}
`
	here, there := startFile(t, text), startFile(t, text)
	waitFor(t, "both subscriptions", func() bool { return subscribers(redis) == 2 })
	cached := func(s *testServer) string { return s.do("GET", "/a").Header.Get("X-Cache") }
	for _, s := range []*testServer{here, there} {
		// What was missed before the start has been dealt with.
		s.wantSample("phasm_plugin_calls_total", `{plugin="cache",phase="message"}`, 1)
		if first, second := cached(s), cached(s); first != "MISS" || second != "HIT" {
			t.Errorf("at first it answers %s, then %s", first, second)
		}
	}
	if r := here.do("PURGE", "/a"); r.body != "purged\n" {
		t.Errorf("PURGE answers %d %q", r.StatusCode, r.body)
	}
	waitFor(t, "the purge", func() bool { return cached(there) == "MISS" })
}

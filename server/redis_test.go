package server

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
	"phasm/server/config"
)

// lockConfig is the example that counts under a lock, with its Redis at an
// address.
func lockConfig(address, more string) string {
	return `
[redis.locks]
addresses = ["` + address + `"]
timeout = "10s"
` + more + `
[plugins.lock]
source = "TESTDATA/../../wasm-examples/redis-lock"
config = { redis = "locks", wait = "30s" }
[plugins.lock.limits]
wall = "60s"
wait = "60s"
[plugins.lock.grants]
redis = ["locks"]
[plugins.lock.grants.redis_rules.locks]
commands = ["set", "get", "eval"]
prefix = "lock:"
[routes.count]
match = "POST /count/{name}"
content = "lock"
[routes.r]
match = "/"
respond = {body = "up"}
`
}

// connections are the identifiers of phasm's connections to a Redis.
func connections(server *redistest.Server) (ids []string) {
	for line := range strings.Lines(server.Do("CLIENT", "LIST")) {
		if strings.Contains(line, " name=phasm ") {
			id, _, _ := strings.Cut(line, " ")
			ids = append(ids, id)
		}
	}
	return ids
}

// A Redis that is away keeps nobody from starting; when it is there everything
// works, and a reload keeps its connections unless its table has changed.
func TestRedis(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	s := startFile(t, lockConfig(redis.Address, ""))
	if got := s.get("/"); got != "up" {
		t.Errorf("without Redis / answers %q", got)
	}
	begin := time.Now()
	if r := s.do("POST", "/count/a"); r.StatusCode != 500 {
		t.Errorf("without Redis it answers %d", r.StatusCode)
	}
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("it takes %v to say that Redis is away", took)
	}
	s.await("redis does not answer", "redis=locks", "plugin=lock")

	redis.Restart()
	waitFor(t, "the first count", func() bool { return s.do("POST", "/count/first").StatusCode == 200 })
	const clients, each = 8, 5
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for range each {
				if r := s.do("POST", "/count/a"); r.StatusCode != 200 {
					t.Errorf("it answers %d %q", r.StatusCode, r.body)
				}
			}
		})
	}
	running.Wait()
	if got := redis.Do("GET", "lock:a:count"); got != strconv.Itoa(clients*each) {
		t.Errorf("%d clients have counted to %s, want %d", clients, got, clients*each)
	}

	before := connections(redis)
	s.reload()
	s.do("POST", "/count/a")
	s.waitForGenerations(1)
	if after := connections(redis); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("before the reload it had the connections %v, after it %v", before, after)
	}
	s.write(lockConfig(redis.Address, "db = 1"))
	s.reload()
	if r := s.do("POST", "/count/a"); r.body != "1\n" {
		t.Errorf("in another database it counts %q", r.body)
	}
	waitFor(t, "the old connections' end", func() bool {
		return !slices.ContainsFunc(connections(redis), func(id string) bool { return slices.Contains(before, id) })
	})
	s.write(answering("two"))
	s.reload()
	waitFor(t, "the end of all connections", func() bool { return len(connections(redis)) == 0 })
}

func TestRedisProblems(t *testing.T) {
	for _, test := range []struct{ more, problem string }{
		{`password_env = "NONE"`, "redis.locks: the environment variable NONE (password_env) is not set"},
		{`tls = {ca = "TESTDATA/www/hello.txt"}`, "redis.locks: the authorities' file (ca) has no certificate in PEM form"},
	} {
		dir := t.TempDir()
		testdata, err := filepath.Abs("testdata")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "test.toml")
		text := strings.ReplaceAll(lockConfig("127.0.0.1:1", test.more)+listenerTables, "TESTDATA", testdata)
		c, err := config.Parse(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		c.Server.Log.File = filepath.Join(dir, "server.log")
		s, err := New(t.Context(), c, Options{Cache: testCache()})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.HasSuffix(err.Error(), test.problem) {
			t.Errorf("%s: got %v, want %q", test.more, err, test.problem)
		}
	}
}

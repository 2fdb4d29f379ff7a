package redis

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// cached is a client that keeps replies.
func cached(t testing.TB, server *redistest.Server) *Client {
	t.Helper()
	return client(t, Options{Addresses: []string{server.Address}, Timeout: 20 * time.Second, Cache: 1 << 20})
}

// No command is answered with what is kept of another, however alike they are
// when their arguments are written one after the other.
func TestCachedIsTheCommands(t *testing.T) {
	server := redistest.Start(t)
	c := cached(t, server)
	want(t, c, `10`, "APPEND", "text", "0123456789")
	want(t, c, `4`, "HSET", "h", "ALL", "one", "a", "A", "bc", "BC", "ab", "AB")
	want(t, c, `3`, "RPUSH", "list", "x", "y", "z")
	for range 2 {
		for _, args := range [][]string{
			{"GETRANGE", "text", "0", "12"}, {"GETRANGE", "text", "01", "2"}, {"GETRANGE", "text", "1", "23"}, {"GETRANGE", "text", "12", "3"},
			{"HGETALL", "h"}, {"HGET", "h", "ALL"}, {"hget", "h", "ALL"}, {"hgetall", "h"}, {"hgetALL", "h"},
			{"HMGET", "h", "a", "bc"}, {"HMGET", "h", "ab", "c"}, {"HMGET", "h", "abc"},
			{"LRANGE", "list", "0", "-1"}, {"LRANGE", "list", "0-", "1"}, {"LINDEX", "list", "0"}, {"LLEN", "list"},
			{"GET", "text"}, {"GET", "text", ""}, {"STRLEN", "text"}, {"HGETALL", "h", ""},
		} {
			wantCached(t, c, args)
		}
	}
}

// wantCached wants of the cache what Redis answers a command.
func wantCached(t *testing.T, c *Client, args []string) {
	t.Helper()
	asked, err := do(c, args...)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := c.Cached(t.Context(), nil, request(args...), time.Minute)
	if err != nil || show(kept) != asked {
		t.Errorf("%q answers %s, %v; want %s", args, show(kept), err, asked)
	}
}

// What Redis says to a command that it refuses is a reply, not a lost
// connection.
func TestCachedRefused(t *testing.T) {
	server := redistest.Start(t, "--user default on nopass ~* &* +@all -strlen")
	c := cached(t, server)
	want(t, c, `"OK"`, "SET", "k", "v")
	for _, args := range [][]string{{"STRLEN", "k"}, {"HGETALL", "k"}, {"HGET", "k", "f"}, {"GET", "k", "more"}} {
		wantCached(t, c, args)
		if !c.good.Load() {
			t.Errorf("%q is taken for a lost connection", args)
		}
	}
}

// Who waits for what others have asked for has the reply, however many of them
// give up.
func TestCachedGivenUp(t *testing.T) {
	server := redistest.Start(t)
	c := cached(t, server)
	want(t, c, `"OK"`, "SET", "k", "v")
	server.Pause()
	read := request("GET", "k")
	read.Reads = true
	waiting := func(n int64) {
		for c.sent.Load() != n {
			time.Sleep(time.Millisecond)
		}
	}
	const others = 20
	var giveUp [others]context.CancelFunc
	gone := make(chan error)
	for n := range giveUp {
		var ctx context.Context
		ctx, giveUp[n] = context.WithCancel(t.Context())
		go func() {
			_, err := c.Cached(ctx, nil, read, time.Minute)
			gone <- err
		}()
		waiting(int64(n) + 1)
	}
	last := make(chan string)
	go func() {
		reply, err := c.Cached(t.Context(), nil, read, time.Minute)
		last <- fmt.Sprintf("%s, %v", show(reply), err)
	}()
	waiting(others + 1)
	for n := range giveUp {
		giveUp[n]()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up gets %v", err)
		}
	}
	server.Resume()
	if got := <-last; got != `"v", <nil>` {
		t.Errorf("who waits gets %s", got)
	}
}

package redis

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// blocking is a command whose first argument is the key, and that may block.
func blocking(args ...string) Request {
	r := request(args...)
	r.Blocks = true
	return r
}

func TestBlock(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 2 * time.Second})
	// Longer than the timeout: that is for the others.
	time.AfterFunc(3*time.Second, func() { server.Do("RPUSH", "list", "x") })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := make(chan string, 1)
	go func() {
		reply, err := c.Do(ctx, nil, blocking("BLPOP", "list", "0"))
		if err != nil {
			t.Error(err)
		}
		got <- show(reply)
	}()
	server.Await("blocked_clients:1", "INFO", "clients")
	want(t, c, `"OK"`, "SET", "k", "v") // nobody else waits
	if got := <-got; got != `["list", "x"]` {
		t.Errorf("it answers %s", got)
	}
	reply, err := c.Do(ctx, nil, blocking("BLPOP", "list", "0.01"))
	if err != nil || show(reply) != "_" {
		t.Errorf("an empty list: %s, %v", show(reply), err)
	}
	reply, err = c.Do(ctx, nil, blocking("BLPOP", "k", "0"))
	if err != nil || show(reply) != `error "WRONGTYPE Operation against a key holding the wrong kind of value"` {
		t.Errorf("no list: %s, %v", show(reply), err)
	}
}

// When nobody waits any more Redis knows it: what comes later stays in the list.
func TestBlockGivenUp(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second})
	want(t, c, `"PONG"`, "PING")
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for n := range MaxBlocked {
		running.Go(func() {
			if _, err := c.Do(ctx, nil, blocking("BLPOP", "list"+strconv.Itoa(n), "0")); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	server.Await("blocked_clients:"+strconv.Itoa(MaxBlocked), "INFO", "clients")
	if _, err := c.Do(ctx, nil, blocking("BLPOP", "list", "0")); !errors.Is(err, ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	cancel()
	running.Wait()
	server.Await("blocked_clients:0", "INFO", "clients")
	server.Do("RPUSH", "list1", "x")
	want(t, c, `1`, "LLEN", "list1")
	for begin := time.Now(); runtime.NumGoroutine() > before+1 || c.blocked.Load() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%d goroutines, there were %d; %d block", runtime.NumGoroutine(), before, c.blocked.Load())
		}
	}
}

// A server that goes ends the wait.
func TestBlockServerGoes(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 5 * time.Second})
	failed := make(chan error, 1)
	go func() {
		_, err := c.Do(t.Context(), nil, blocking("BLPOP", "list", "0"))
		failed <- err
	}()
	server.Await("blocked_clients:1", "INFO", "clients")
	server.Kill()
	if err := <-failed; err == nil {
		t.Error("it has a reply")
	}
}

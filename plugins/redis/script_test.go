package redis

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// A script runs where its key is, also when that changes; and one that answers
// as a node does which the key has left sends nobody to where it likes.
func TestScriptsInCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			got, err := l.Accept()
			if err != nil {
				return
			}
			t.Error("a script's address is connected to")
			got.Close()
		}
	}()
	c := client(t, Options{Addresses: []string{nodes[0].Address}, Cluster: true, Timeout: 10 * time.Second})
	eval := func(script string, keys int, args ...string) string {
		reply, err := c.Eval(t.Context(), nil, script, keys, args)
		if err != nil {
			t.Fatal(err)
		}
		return show(reply)
	}
	for n := range 50 {
		key := fmt.Sprint("k", n)
		if got := eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, key, "v"); got != `"OK"` {
			t.Fatalf("it answers %s", got)
		}
		want(t, c, `"v"`, "GET", key)
	}
	if got := eval("return 1", 0); got != "1" {
		t.Errorf("without a key it answers %s", got)
	}
	for _, kind := range []string{"MOVED", "ASK"} {
		lie := kind + " 7629 " + l.Addr().String()
		script := "return redis.error_reply(ARGV[1])"
		if got := eval(script, 1, "k1", lie); got != `error "`+lie+`"` {
			t.Errorf("it answers %s", got)
		}
		scripts := Request{Args: []string{"EVAL", script, "1", "k1", lie}, Keys: []int{3}, Scripts: true}
		reply, err := c.Pipeline(t.Context(), nil, []Request{request("GET", "k1"), scripts, request("GET", "k2")})
		if want := `["v", error "` + lie + `", "v"]`; err != nil || show(reply) != want {
			t.Errorf("in a pipeline it answers %s, %v", show(reply), err)
		}
		reply, err = c.Transaction(t.Context(), nil, []Request{request("GET", "k1"), scripts})
		if want := `["v", error "` + lie + `"]`; err != nil || show(reply) != want {
			t.Errorf("in a transaction it answers %s, %v", show(reply), err)
		}
	}

	// The slot of a key that nobody has moves to another node.
	slot := fmt.Sprint(slotOf("moving"))
	if got := eval("return 1", 1, "moving"); got != "1" {
		t.Fatalf("before it moves it answers %s", got)
	}
	owner := ""
	for _, node := range nodes {
		if !strings.Contains(node.Do("EXISTS", "moving"), "MOVED") {
			owner = node.Address
		}
	}
	for _, node := range nodes {
		if node.Address == owner {
			continue
		}
		id := node.Do("CLUSTER", "MYID")
		for _, each := range append([]*redistest.Server{node}, nodes...) {
			each.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
		}
		break
	}
	if got := eval("return redis.call('EXISTS', KEYS[1])", 1, "moving"); got != "0" {
		t.Errorf("after it has moved it answers %s", got)
	}
}

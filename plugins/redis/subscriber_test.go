package redis

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// inbox is a receiver that a test reads from: messages as "channel pattern
// data", and "missed".
type inbox chan string

func (i inbox) Receive(m Message) { i <- m.Channel + " " + m.Pattern + " " + m.Data }
func (i inbox) Missed()           { i <- "missed" }

// next waits for what is received next.
func (i inbox) next(t testing.TB) string {
	t.Helper()
	select {
	case m := <-i:
		return m
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is received")
		return ""
	}
}

// until waits for something, whatever comes before it.
func (i inbox) until(t testing.TB, want string) {
	t.Helper()
	for i.next(t) != want {
	}
}

func subscriber(t testing.TB, c *Client) *Subscriber {
	t.Helper()
	s := NewSubscriber(c, func(err error) { t.Log(err) })
	t.Cleanup(s.Close)
	return s
}

func TestSubscriber(t *testing.T) {
	server := redistest.Start(t)
	s := subscriber(t, client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second}))
	a, b := make(inbox, 100), make(inbox, 100)
	s.Subscribe(Topic{"c", false}, a)
	a.until(t, "missed")
	s.Subscribe(Topic{"c?", true}, a)
	a.until(t, "missed")
	s.Subscribe(Topic{"c", false}, b)
	b.until(t, "missed")
	a.until(t, "missed") // it is subscribed to again
	server.Do("PUBLISH", "c", "one")
	server.Do("PUBLISH", "c2", "two")
	server.Do("PUBLISH", "d", "none")
	server.Do("PUBLISH", "c", "three")
	for _, want := range []string{"c  one", "c2 c? two", "c  three"} {
		if got := a.next(t); got != want {
			t.Errorf("a receives %q, want %q", got, want)
		}
	}
	for _, want := range []string{"c  one", "c  three"} {
		if got := b.next(t); got != want {
			t.Errorf("b receives %q, want %q", got, want)
		}
	}
	s.Remove(a)
	server.Do("PUBLISH", "c", "four")
	b.until(t, "c  four")
	if len(a) > 0 {
		t.Errorf("a still receives %q", <-a)
	}
	server.Await(":1", "PUBLISH", "c", "five") // one connection for all
	s.Remove(b)
	server.Await(":0", "PUBLISH", "c", "six")
	s.Subscribe(Topic{"c", false}, b) // and anew
	b.until(t, "missed")
	s.Close()
	server.Await(":0", "PUBLISH", "c", "seven")
	if s.Subscribe(Topic{"c", false}, b) {
		t.Error("a closed subscriber takes receivers")
	}
}

// A server that comes late, goes, or is silent for a while: the subscriptions
// stand again by themselves, and the receivers know that they have missed
// something.
func TestSubscriberSurvives(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: time.Second})
	s := subscriber(t, c)
	a := make(inbox, 10000)
	s.Subscribe(Topic{"c", false}, a)
	for round := range 3 {
		server.Restart()
		a.until(t, "missed")
		data := strconv.Itoa(round)
		server.Do("PUBLISH", "c", data)
		a.until(t, "c  "+data)
		server.Kill()
	}
	server.Restart()
	a.until(t, "missed")
	server.Pause()
	time.AfterFunc(5*time.Second, server.Resume) // the connection is given up before
	a.until(t, "missed")
	server.Do("PUBLISH", "c", "last")
	a.until(t, "c  last")
}

// Whatever node of a cluster a message is published on, it arrives.
func TestSubscriberInCluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	s := subscriber(t, client(t, Options{Addresses: []string{nodes[0].Address}, Cluster: true, Timeout: 10 * time.Second}))
	a := make(inbox, 100)
	s.Subscribe(Topic{"c", false}, a)
	s.Subscribe(Topic{"p*", true}, a)
	a.until(t, "missed")
	for _, node := range nodes {
		// The nodes of a new cluster may not all talk to each other yet.
		for begin, got := time.Now(), ""; got != "c  "+node.Port(); {
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("what %s publishes is not received", node.Address)
			}
			node.Do("PUBLISH", "c", node.Port())
			select {
			case got = <-a:
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// A channel that the user may not read keeps none of the others away.
func TestSubscriberRefused(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "u", "on", ">pw", "+@all", "~*", "&ok*")
	refused := make(chan string, 100)
	s := NewSubscriber(client(t, Options{Addresses: []string{server.Address}, Username: "u", Password: "pw", Timeout: 10 * time.Second}),
		func(err error) { refused <- err.Error() })
	defer s.Close()
	a := make(inbox, 100)
	s.Subscribe(Topic{"no", false}, a)
	if got := <-refused; !strings.Contains(got, "NOPERM") {
		t.Errorf("the problem is %q", got)
	}
	s.Subscribe(Topic{"ok", false}, a)
	a.until(t, "missed")
	server.Do("PUBLISH", "ok", "x")
	a.until(t, "ok  x")
}

// Nothing is left of subscribers that have ended.
func TestSubscriberLeavesNothing(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second})
	want(t, c, `"PONG"`, "PING")
	before := runtime.NumGoroutine()
	for range 20 {
		s := subscriber(t, c)
		a := make(inbox, 100)
		s.Subscribe(Topic{"c", false}, a)
		a.until(t, "missed")
		s.Close()
	}
	for begin := time.Now(); runtime.NumGoroutine() > before+1; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
		}
	}
}

// Receivers that come and go at once: the last one that stays has its messages.
func TestSubscriberHammer(t *testing.T) {
	server := redistest.Start(t)
	s := subscriber(t, client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second}))
	for round := range 100 {
		a := make(inbox, 100)
		s.Subscribe(Topic{"c", false}, a)
		if round%3 != 0 {
			a.until(t, "missed")
		}
		s.Remove(a)
	}
	a := make(inbox, 100)
	s.Subscribe(Topic{"c", false}, a)
	s.Subscribe(Topic{"d", false}, a)
	a.until(t, "missed")
	server.Await(":1", "PUBLISH", "d", "x")
	a.until(t, "d  x")
}

// A topic that nobody receives any more is left, on both protocols, and stands
// again for who wants it later.
func TestSubscriberLeaves(t *testing.T) {
	for name, args := range map[string][]string{"RESP 3": nil, "RESP 2": {"--rename-command", "HELLO", ""}} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, args...)
			s := subscriber(t, client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second}))
			stays, goes := make(inbox, 100), make(inbox, 100)
			s.Subscribe(Topic{"stays", false}, stays)
			stays.until(t, "missed")
			for range 3 {
				for _, topic := range []Topic{{"goes", false}, {"goes*", true}} {
					s.Subscribe(topic, goes)
					goes.until(t, "missed")
				}
				server.Do("PUBLISH", "goes", "one")
				goes.until(t, "goes goes* one")
				s.Remove(goes)
				server.Await(":0", "PUBLISH", "goes", "two")
			}
			server.Do("PUBLISH", "stays", "three")
			stays.until(t, "stays  three")
		})
	}
}

// Who may not leave a topic keeps it, and the connection.
func TestSubscriberMayNotLeave(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "app", "on", ">secret", "allchannels", "+@connection", "+subscribe")
	s := subscriber(t, client(t, Options{Addresses: []string{server.Address}, Username: "app", Password: "secret", Timeout: 10 * time.Second}))
	stays, goes := make(inbox, 100), make(inbox, 100)
	s.Subscribe(Topic{"stays", false}, stays)
	stays.until(t, "missed")
	for range 3 {
		s.Subscribe(Topic{"goes", false}, goes)
		goes.until(t, "missed")
		s.Remove(goes)
		server.Do("PUBLISH", "stays", "x")
		if got := stays.next(t); got != "stays  x" {
			t.Errorf("it receives %s", got)
		}
	}
}

package redis

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// hostile starts what says that it is a Redis, and answers each command that
// comes after the library's first ones as answer does; behind "hang up" it does.
// It answers the address.
func hostile(t testing.TB, answer func(args []string) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for r := bufio.NewReader(c); ; {
					args, err := readCommand(r)
					if err != nil {
						return
					}
					reply := "+OK\r\n"
					switch args[0] {
					case "HELLO":
						reply = "%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
						if args[1] == "2" {
							reply = "*0\r\n"
						}
					case "CLIENT":
					default:
						reply = answer(args)
					}
					reply, hangsUp := strings.CutSuffix(reply, "hang up")
					if _, err := io.WriteString(c, reply); err != nil || hangsUp {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func readCommand(r *bufio.Reader) (args []string, err error) {
	var count int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &count); err != nil {
		return nil, err
	}
	for range count {
		var size int
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return nil, err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return nil, err
		}
		args = append(args, string(text[:size]))
	}
	return args, nil
}

// Whatever a server sends costs its connection, not the process.
func TestHostileServer(t *testing.T) {
	const ok = "+OK\r\n"
	for name, reply := range map[string]string{
		"a negative length":               "$-2\r\nx\r\n",
		"a negative array":                "*-7\r\n",
		"a negative map":                  "%-1\r\n",
		"a length that overflows":         "$9223372036854775807\r\nx\r\n",
		"a length of more than 64 bits":   "*99999999999999999999999\r\n",
		"elements without end":            "*2000000000\r\n:1\r\n",
		"elements within elements":        strings.Repeat("*9999999\r\n", 100),
		"arrays within arrays":            strings.Repeat("*1\r\n", 5_000_000) + ok,
		"attributes within attributes":    strings.Repeat("|1\r\n", 5_000_000) + ok,
		"a text in pieces":                "$?\r\n;1000000000000\r\n",
		"an array of unknown length":      "*?\r\n" + strings.Repeat(":1\r\n", 1000) + ".\r\n",
		"one reply too many":              ok + ok,
		"an unsolicited array":            ok + "*1\r\n$4\r\npong\r\n",
		"a subscription nobody asked for": ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n",
		"one after the reply":             ok + ">3\r\n+psubscribe\r\n$1\r\nc\r\n:1\r\n",
		"one behind an attribute":         ok + "|1\r\n+a\r\n+b\r\n>2\r\n|0\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n",
		"no protocol":                     "HTTP/1.1 400 Bad Request\r\n\r\n",
		"an empty line":                   "+\n",
		"an invalidation of nothing":      ok + ">2\r\n$10\r\ninvalidate\r\n$1\r\nk\r\n>1\r\n$10\r\ninvalidate\r\n",
		"a transaction without replies":   "*0\r\n",
		"a transaction of one reply":      "*1\r\n+OK\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			address := hostile(t, func([]string) string { return reply })
			for _, cache := range []int64{0, 1 << 20} {
				c := client(t, Options{Addresses: []string{address}, Timeout: 500 * time.Millisecond, Cache: cache})
				for range 3 {
					doWithin(c, 500*time.Millisecond, "SET", "k", "v")
					ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
					c.Cached(ctx, nil, request("GET", "k"), time.Minute)
					c.Pipeline(ctx, nil, []Request{request("GET", "k"), request("GET", "l")})
					c.Transaction(ctx, nil, []Request{request("GET", "k"), request("GET", "l")})
					cancel()
				}
				s := NewSubscriber(c, func(error) {})
				s.Subscribe(Topic{"c", false}, make(inbox, 1000))
				doWithin(c, 200*time.Millisecond, "GET", "k")
				s.Close()
			}
		})
	}
}

// bulk is texts as a list, or as a push where head is '>'.
func bulk(head byte, texts ...string) string {
	all := fmt.Sprintf("%c%d\r\n", head, len(texts))
	for _, text := range texts {
		all += fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
	}
	return all
}

// So does whatever a sentinel sends, and a master says that sentinels know.
func TestHostileSentinel(t *testing.T) {
	for name, test := range map[string]struct {
		master, role, event, unsubscribe, ping string // what the answers are, "" for good ones
	}{
		"no address":                      {master: "*0\r\n"},
		"no port":                         {master: bulk('*', "127.0.0.1")},
		"a set without a port":            {master: bulk('~', "127.0.0.1")},
		"no such master":                  {master: "_\r\n"},
		"no such master, in RESP 2":       {master: "*-1\r\n"},
		"no role":                         {role: "*0\r\n"},
		"no set of roles":                 {role: "~0\r\n"},
		"a sentinel without an address":   {event: bulk('>', "message", "+sentinel", "sentinel x")},
		"a switch without an address":     {event: bulk('>', "message", "+switch-master", "main 127.0.0.1 1 127.0.0.1")},
		"a switch in a simple text":       {event: ">3\r\n+message\r\n+\x2bswitch-master\r\n+main 127.0.0.1 1\r\n"},
		"a switch of nothing":             {event: ">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n_\r\n"},
		"a switch in a list":              {event: ">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n" + bulk('*', "main 1 2 3 4 5 6")},
		"a switch with words behind it":   {event: bulk('>', "message", "+switch-master", "main", "1 2 3 4 5 6")},
		"a switch with an attribute":      {event: ">3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n|1\r\n+a b c\r\n+d e f\r\n+main\r\n"},
		"a restart without a name":        {event: bulk('>', "message", "+reboot", "master")},
		"a restart without an address":    {event: bulk('>', "message", "+reboot", "master main 127.0.0.1")},
		"an answer that nobody expects":   {unsubscribe: "+OK\r\n", ping: "+OK\r\n"},
		"a refusal":                       {unsubscribe: "-NOPERM this user has no permissions\r\n"},
		"two refusals":                    {unsubscribe: "-NOPERM it has none\r\n", ping: "-NOPERM it has none\r\n"},
		"another answer":                  {ping: "+OK\r\n"},
		"a list of PONG":                  {ping: bulk('*', "PONG")},
		"a replica that nobody can reach": {event: bulk('>', "message", "+slave", "slave")},
	} {
		t.Run(name, func(t *testing.T) {
			var address string
			address = hostile(t, func(args []string) string {
				host, port, _ := net.SplitHostPort(address)
				switch args[0] {
				case "SENTINEL":
					if args[1] == "SENTINELS" {
						return "*0\r\n"
					}
					return cmp.Or(test.master, bulk('*', host, port))
				case "ROLE":
					return cmp.Or(test.role, bulk('*', "master"))
				case "UNSUBSCRIBE":
					return test.unsubscribe
				case "PING":
					return cmp.Or(test.ping, "+PONG\r\n")
				case "SUBSCRIBE":
					all := ""
					for _, topic := range args[1:] {
						all += bulk('>', "subscribe", topic, "1")
					}
					return all + test.event
				}
				return "+OK\r\n"
			})
			c := client(t, Options{Addresses: []string{address}, Sentinel: "main", Timeout: 500 * time.Millisecond})
			for range 2 {
				doWithin(c, 300*time.Millisecond, "SET", "k", "v")
			}
		})
	}
}

// A Redis that speaks RESP 2 only, and one that confirms several topics at once,
// work as ever.
func TestSubscriberOfResp2(t *testing.T) {
	server := redistest.Start(t, "--rename-command", "HELLO", "")
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 10 * time.Second})
	want(t, c, `"OK"`, "SET", "k", "v")
	in := make(inbox, 100)
	s := subscriber(t, c)
	s.Subscribe(Topic{"c", false}, in)
	in.until(t, "missed")
	s.Subscribe(Topic{"d*", true}, in)
	in.until(t, "missed")
	server.Do("PUBLISH", "c", "one")
	server.Do("PUBLISH", "d1", "two")
	in.until(t, "c  one")
	in.until(t, "d1 d* two")
}

// Pushes within other values are dropped, in whatever pieces they come, and all
// else is left as it is.
func TestValuesDropPushes(t *testing.T) {
	const push = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
	given := "*3\r\n" + push + "$1\r\na\r\n" + push + ":-1\r\n|1\r\n+a\r\n>0\r\n_\r\n%1\r\n#t\r\n" + push + "*0\r\n" + push + ",1.5\r\n>1\r\n(12\r\n*-1\r\n$-1\r\n=5\r\ntxt:a\r\n"
	want := "*3\r\n$1\r\na\r\n:-1\r\n|1\r\n+a\r\n_\r\n%1\r\n#t\r\n*0\r\n" + push + ",1.5\r\n>1\r\n(12\r\n*-1\r\n$-1\r\n=5\r\ntxt:a\r\n"
	for piece := 1; piece <= len(given); piece++ {
		var v values
		got, outermost := "", []string{}
		for rest := []byte(given); len(rest) > 0; {
			n := min(piece, len(rest))
			kept, err := v.scan(rest[:n], func() error {
				outermost = append(outermost, string(v.outer)+string(v.words[0])+strconv.FormatInt(v.length, 10))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got, rest = got+string(rest[:kept]), rest[n:]
		}
		if got != want {
			t.Fatalf("in pieces of %d: %q", piece, got)
		}
		if got := strings.Join(outermost, " "); got != "*a3 >invalidate2 ,1.50 >121 *-1 $-1 =txt:a0" {
			t.Fatalf("in pieces of %d: %s", piece, got)
		}
	}
}

// Of what is too large only where it begins is left, in whatever pieces it comes.
func TestValuesCut(t *testing.T) {
	const push = ">2\r\n$1\r\na\r\n*1\r\n$100\r\n"
	long := strings.Repeat("$3\r\n", 25) // 100 bytes
	given := "$100\r\n" + long + "\r\n" + "*3\r\n:1\r\n$60\r\n" + long[:60] + "\r\n_\r\n" + push + long + "\r\n" +
		"*2\r\n%3\r\n" + strings.Repeat("+k\r\n*0\r\n", 3) + "$4\r\ntext\r\n" + "*9\r\n" + strings.Repeat("*1\r\n"+push+long+"\r\n:1\r\n", 9) + "+OK\r\n"
	want := "-100\r\n" + "*3\r\n:1\r\n-60\r\n_\r\n" + push + long + "\r\n" + "*2\r\n-3\r\n-4\r\n" + "-9\r\n" + "+OK\r\n"
	for piece := 1; piece <= len(given); piece++ {
		v := values{most: 63}
		got, outermost := "", ""
		for rest := []byte(given); len(rest) > 0; {
			n := min(piece, len(rest))
			kept, err := v.scan(rest[:n], func() error { outermost += string(v.outer); return nil })
			if err == errTooMuch && piece < len(given)/2 {
				break // where the beginning is in two pieces
			}
			if err != nil {
				t.Fatal(err)
			}
			got, rest = got+string(rest[:kept]), rest[n:]
			if len(rest) == 0 && outermost != "$*>**+" {
				t.Errorf("in pieces of %d: %s", piece, outermost)
			}
		}
		if piece == len(given) && got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What a server sends behind its greeting, and then it hangs up.
func FuzzServer(f *testing.F) {
	f.Add("$1\r\nx\r\n", true)
	f.Add("*2\r\n:-1\r\n$1\r\nx\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", true)
	f.Add(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>3\r\n+message\r\n+c\r\n+m\r\n", false)
	f.Add("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\nx\r\n", true)
	f.Add("|1\r\n+a\r\n_\r\n%1\r\n,1\r\n#t\r\n", true)
	f.Add("-QUEUED\r\n", false)
	f.Fuzz(func(t *testing.T, reply string, asks bool) {
		address := hostile(t, func([]string) string { return reply + "hang up" })
		c := client(t, Options{Addresses: []string{address}, Timeout: 500 * time.Millisecond, Cache: 1 << 20})
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if asks {
			c.Do(ctx, nil, request("SET", "k", "v"))
			c.Cached(ctx, nil, request("GET", "k"), time.Minute)
			return
		}
		missed := make(inbox, 1000)
		s := NewSubscriber(c, func(error) { missed.Missed() })
		defer s.Close()
		s.Subscribe(Topic{"c", false}, missed)
		select {
		case <-missed:
		case <-ctx.Done():
		}
	})
}

// Nodes of a cluster that send each other's clients to and fro are asked a few
// times, not for as long as somebody waits.
func TestRedirectionsEnd(t *testing.T) {
	var asked atomic.Int64
	var address string
	address = hostile(t, func(args []string) string {
		_, port, _ := net.SplitHostPort(address)
		switch {
		case args[0] == "CLUSTER":
			return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:" + port + "\r\n"
		case len(args) < 3:
			return "+OK\r\n"
		}
		asked.Add(1)
		return "-" + args[2] + " 12706 127.0.0.1:" + port + "\r\n"
	})
	c := client(t, Options{Addresses: []string{address}, Cluster: true, Timeout: 300 * time.Millisecond})
	for _, kind := range []string{"MOVED", "ASK"} {
		for name, r := range map[string]Request{"a command": request("SET", "k", kind), "one that blocks": blocking("BLPOP", "k", kind)} {
			asked.Store(0)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			reply, err := c.Do(ctx, nil, r)
			cancel()
			if err != nil || !strings.HasPrefix(show(reply), `error "`+kind+" ") || asked.Load() > 20 {
				t.Errorf("%s, %s: asked %d times, answers %v, %v", name, kind, asked.Load(), show(reply), err)
			}
		}
	}
}

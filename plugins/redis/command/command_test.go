package command_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/command"
	"phasm/plugins/redis/redistest"
)

// server is a connection to a Redis that answers lists of strings.
type server struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

func dial(t testing.TB) *server {
	c, err := net.Dial("tcp", redistest.Start(t).Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &server{t, c, bufio.NewReader(c)}
}

// do runs a command and answers the strings in its reply, or the error.
func (s *server) do(args ...string) ([]string, error) {
	s.t.Helper()
	fmt.Fprintf(s.c, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(s.c, "$%d\r\n%s\r\n", len(arg), arg)
	}
	return s.read()
}

func (s *server) read() (all []string, err error) {
	s.t.Helper()
	line, e := s.r.ReadString('\n')
	if e != nil {
		s.t.Fatal(e)
	}
	line = strings.TrimSpace(line)
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '-':
		return nil, errors.New(line[1:])
	case '$':
		text, _ := s.r.Peek(n + 2)
		all = []string{string(text[:n])}
		s.r.Discard(n + 2)
	case '*':
		for range n {
			inner, _ := s.read()
			all = append(all, inner...)
		}
	default:
		all = []string{line[1:]}
	}
	return all, nil
}

// The keys that the table finds are those that Redis finds.
func TestKeysAreThoseOfRedis(t *testing.T) {
	s := dial(t)
	for _, line := range []string{
		"GET k", "SET k v EX 10", "MGET a b c", "DEL a", "DEL a b", "MSET a 1 b 2", "MSETNX a 1 b 2", "RENAME a b", "COPY a b REPLACE",
		"BITOP AND d a b", "HSET h f v", "LMOVE a b LEFT RIGHT", "SINTERSTORE d a b", "SDIFF a b", "SINTERCARD 2 a b LIMIT 1",
		"ZUNIONSTORE d 2 a b WEIGHTS 1 2", "ZINTERSTORE d 1 a", "ZDIFFSTORE d 2 a b", "ZUNION 2 a b", "ZINTERCARD 1 a", "ZMPOP 2 a b MIN",
		"LMPOP 2 a b LEFT", "ZRANGESTORE d a 0 -1", "GEOSEARCHSTORE d a FROMMEMBER m BYRADIUS 1 m",
		"GEORADIUS k 1 2 3 m", "GEORADIUS k 1 2 3 m STORE d", "GEORADIUS k 1 2 3 m COUNT 5 STOREDIST d", "GEORADIUSBYMEMBER k m 1 m STORE d",
		"EVAL script 2 a b c", "EVALSHA sha 1 a b", "EVAL_RO script 1 a", "FCALL f 2 a b c", "FCALL_RO f 1 a",
		"XREAD STREAMS a b 0 0", "XREAD COUNT 2 STREAMS a 0", "XREADGROUP GROUP g c STREAMS a >", "XREADGROUP GROUP g c COUNT 1 NOACK STREAMS a b > >",
		"OBJECT ENCODING k", "XINFO STREAM k", "XINFO GROUPS k", "XGROUP CREATE k g 0", "XADD k * f v", "XCLAIM k g c 0 1-1", "PFCOUNT a b", "PFMERGE d a",
		"BLPOP a b 0", "BRPOP a 0", "BZPOPMIN a b 0", "BZPOPMAX a 0", "BLMOVE a b LEFT RIGHT 0", "BRPOPLPUSH a b 0", "BLMPOP 0 2 a b LEFT",
		"BZMPOP 0 1 a MIN", "LCS a b", "SMOVE a b m", "TOUCH a b", "UNLINK a", "EXISTS a b", "ZADD k 1 m", "SORT_RO k", "DUMP k", "RESTORE k 0 x", "EXPIRE k 1",
	} {
		args := strings.Fields(line)
		want, err := s.do(append([]string{"COMMAND", "GETKEYS"}, args...)...)
		if err != nil {
			t.Errorf("%s: Redis says %v", line, err)
			continue
		}
		c, known := command.Find(args[0])
		positions, ok := c.AppendKeys(nil, args)
		var got []string
		for _, at := range positions {
			got = append(got, args[at])
		}
		// Redis names a destination last.
		slices.Sort(got)
		slices.Sort(want)
		if args[0] == "SORT_RO" {
			continue // its keys are not all among the arguments
		}
		if !known || !ok || !slices.Equal(got, want) {
			t.Errorf("%s: the keys are %q, %v; Redis says %q", line, got, ok, want)
		}
	}
}

// The table has every command that the server has, and no subscriber.
func TestTableIsComplete(t *testing.T) {
	s := dial(t)
	names, err := s.do("COMMAND", "LIST")
	if err != nil || len(names) < 200 {
		t.Fatalf("the server has %d commands, %v", len(names), err)
	}
	for _, name := range names {
		if strings.Contains(name, "|") {
			continue
		}
		if _, known := command.Find(strings.ToUpper(name)); !known {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// No command that Redis counts as dangerous is allowed by default, and those
// that block are told apart.
func TestDefault(t *testing.T) {
	s := dial(t)
	var rules command.Rules
	for _, category := range []string{"dangerous", "admin", "blocking"} {
		names, err := s.do("ACL", "CAT", category)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", category, err)
		}
		for _, name := range names {
			name, sub, _ := strings.Cut(strings.ToUpper(name), "|")
			args := []string{name, sub}
			if name == "XREAD" || name == "XREADGROUP" {
				args = strings.Fields(name + " GROUP streams streams COUNT 1 block 0 STREAMS k 0")
			}
			if name == "WAIT" || name == "WAITAOF" {
				continue // never granted
			}
			checked, err := rules.Check(name, args, nil)
			if category == "blocking" && err == nil && checked.Blocks {
				continue
			}
			if err == nil {
				t.Errorf("%s %s, which is @%s, is allowed", name, sub, category)
			}
		}
	}
	for _, line := range []string{"GET k", "SET k v", "XREAD STREAMS k 0", "SCAN 0", "PUBLISH c m", "PING", "TIME", "MGET", "GET"} {
		args := strings.Fields(line)
		if _, err := rules.Check(args[0], args, nil); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestRules(t *testing.T) {
	prefix := command.Rules{Prefix: "app:"}
	named := command.Rules{Prefix: "app:", Commands: []string{"GET", "EVAL", "SCAN", "JSON.GET"}}
	both := command.Rules{Commands: []string{command.Default, "EVAL", "FLUSHDB"}}
	scripts := command.Rules{Commands: []string{"SCRIPT"}}
	for _, test := range []struct {
		rules command.Rules
		line  string
		want  string
	}{
		{prefix, "GET app:k", ""},
		{prefix, "GET app", `the key "app" is not granted`},
		{prefix, "GET", "the arguments are not those of the command"},
		{prefix, "MGET app:a b", `the key "b" is not granted`},
		{prefix, "ZUNIONSTORE app:d 2 app:a b", `the key "b" is not granted`},
		{prefix, "ZUNIONSTORE app:d x app:a", "the arguments are not those of the command"},
		{prefix, "ZUNIONSTORE app:d -1 app:a", "the arguments are not those of the command"},
		{prefix, "GEORADIUS app:k 1 2 3 m STORE app:d STORE d", `the key "d" is not granted`},
		{prefix, "XREAD STREAMS app:a 0", ""},
		{prefix, "XREAD STREAMS app:a b 0 0", `the key "b" is not granted`},
		{prefix, "PUBLISH room hi", `the key "room" is not granted`},
		{prefix, "PUBLISH app:room hi", ""},
		{prefix, "SCAN 0", `the command "SCAN" is not granted`},
		{prefix, "RANDOMKEY", `the command "RANDOMKEY" is not granted`},
		{prefix, "DBSIZE", `the command "DBSIZE" is not granted`},
		{prefix, "EVAL x 0", `the command "EVAL" is not granted`},
		{prefix, "JSON.GET app:k", `the command "JSON.GET" is not granted`},
		{prefix, "PING", ""},
		{named, "GET app:k", ""},
		{named, "GET k", `the key "k" is not granted`},
		{named, "SET app:k v", `the command "SET" is not granted`},
		{named, "EVAL x 1 app:k", ""},
		{named, "EVAL x 1 k", `the key "k" is not granted`},
		{named, "EVALSHA x 0", `the command "EVALSHA" is not granted`},
		{named, "SCAN 0", ""},
		{named, "JSON.GET k", ""},
		{both, "GET k", ""},
		{both, "EVAL x 0", ""},
		{both, "FLUSHDB", ""},
		{both, "FLUSHALL", `the command "FLUSHALL" is not granted`},
		{both, "EVALSHA x 0", `the command "EVALSHA" is not granted`},
		{both, "JSON.GET k", `the command "JSON.GET" is not granted`},
		{command.Rules{Commands: []string{"WAIT"}}, "WAIT 0 0", command.ErrNever.Error()},
		{command.Rules{Commands: []string{"SUBSCRIBE"}}, "SUBSCRIBE c", command.ErrSubscribes.Error()},
		{command.Rules{Commands: []string{"UNSUBSCRIBE"}}, "UNSUBSCRIBE c", command.ErrNever.Error()},
		{prefix, "BLPOP app:a b 0", `the key "b" is not granted`},
		{prefix, "BLPOP app:a app:b 0", ""},
		{prefix, "BLMPOP 0 2 app:a b LEFT", `the key "b" is not granted`},
		{prefix, "BLPOP", "the arguments are not those of the command"},
		{command.Rules{Commands: []string{"XSUBSCRIBE"}}, "XSUBSCRIBE k", command.ErrNever.Error()},
		{scripts, "SCRIPT EXISTS x", ""},
		{scripts, "SCRIPT DEBUG YES", command.ErrNever.Error()},
		{scripts, "SCRIPT debug SYNC", command.ErrNever.Error()},
		{command.Rules{}, "MOVE k 1", `the command "MOVE" is not granted`},
		{command.Rules{}, "COPY a b DB 1", `the command "COPY" is not granted`},
		{command.Rules{}, "COPY a b REPLACE db 1", `the command "COPY" is not granted`},
		{command.Rules{}, "COPY DB db REPLACE", ""},
		{command.Rules{}, "COPY a b", ""},
		{command.Rules{Commands: []string{"COPY", "MOVE"}}, "COPY a b DB 1", ""},
		{command.Rules{Commands: []string{"COPY", "MOVE"}}, "MOVE k 1", ""},
		{prefix, "COPY app:a app:b DB 1", `the command "COPY" is not granted`},
		{prefix, "COPY app:a b", `the key "b" is not granted`},
		{command.Rules{Commands: []string{"WAITAOF"}}, "WAITAOF 1 0 0", command.ErrNever.Error()},
		{both, "XREAD BLOCK 0 STREAMS k 0", ""},
		{prefix, "XREADGROUP GROUP streams c BLOCK 0 STREAMS k >", `the key "k" is not granted`},
		{both, "XREADGROUP GROUP block c STREAMS k >", ""},
	} {
		args := strings.Fields(test.line)
		_, err := test.rules.Check(args[0], args, nil)
		if got := fmt.Sprint(err); err == nil && test.want != "" || err != nil && got != test.want {
			t.Errorf("%s with %+v: %v, want %q", test.line, test.rules, err, test.want)
		}
	}
	for _, name := range command.Names() {
		if err := command.Grantable(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"SSUBSCRIBE", "UNSUBSCRIBE", "WAIT", "SELECT", "XSUBSCRIBE"} {
		if command.Grantable(name) == nil {
			t.Errorf("%s can be granted", name)
		}
	}
}

// Channels are granted by prefix, patterns by one that can only match such.
func TestTopics(t *testing.T) {
	prefix := command.Rules{Prefix: "app:"}
	quoted := command.Rules{Prefix: `a*?[\`}
	for _, test := range []struct {
		rules   command.Rules
		topic   string
		pattern bool
		want    string
	}{
		{command.Rules{}, "c", false, ""},
		{command.Rules{}, "*", true, ""},
		{prefix, "app:c", false, ""},
		{prefix, "c", false, `the channel "c" is not granted`},
		{prefix, "app:*", true, ""},
		{prefix, "app*", true, `the channel "app*" is not granted`},
		{prefix, "[a]pp:*", true, `the channel "[a]pp:*" is not granted`},
		{quoted, `a*?[\c`, false, ""},
		{quoted, `a*?[\c`, true, `the channel "a*?[\\c" is not granted`},
		{quoted, `a\*\?\[\\*`, true, ""},
		{command.Rules{Commands: []string{"GET"}}, "c", false, `the command "SUBSCRIBE" is not granted`},
		{command.Rules{Commands: []string{"SUBSCRIBE"}}, "c", false, ""},
		{command.Rules{Commands: []string{"SUBSCRIBE"}}, "c", true, `the command "PSUBSCRIBE" is not granted`},
		{command.Rules{Commands: []string{command.Default}}, "c", true, ""},
	} {
		got := ""
		if err := test.rules.CheckTopic(test.topic, test.pattern); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%q (pattern %v) with %+v: %q, want %q", test.topic, test.pattern, test.rules, got, test.want)
		}
	}
}

// Whatever the arguments, what is allowed under a prefix has keys inside of
// the arguments that begin with it, and nothing panics.
func FuzzCheck(f *testing.F) {
	f.Add("ZUNIONSTORE", "app:d\x002\x00app:a\x00b")
	f.Add("XREADGROUP", "GROUP\x00g\x00c\x00STREAMS\x00app:a\x00>")
	f.Add("EVAL", "x\x00999999999999\x00k")
	rules := command.Rules{Prefix: "app:"}
	f.Fuzz(func(t *testing.T, name, rest string) {
		name = strings.ToUpper(name)
		args := append([]string{name}, strings.Split(rest, "\x00")...)
		checked, err := rules.Check(name, args, nil)
		if err != nil {
			return
		}
		for _, at := range checked.Keys {
			if at <= 0 || at >= len(args) || !strings.HasPrefix(args[at], "app:") {
				t.Errorf("%q is allowed with the key at %d", args, at)
			}
		}
	})
}

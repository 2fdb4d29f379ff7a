package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"phasm/plugins/redis/redistest"
)

// show reads a reply back as text: strings are quoted, nil is _.
func show(reply []byte) string {
	text, rest := showValue(reply)
	if len(rest) > 0 {
		return fmt.Sprintf("%s and %d bytes too many", text, len(rest))
	}
	return text
}

func showValue(b []byte) (text string, rest []byte) {
	if len(b) == 0 {
		return "cut short", nil
	}
	kind, b := b[0], b[1:]
	switch kind {
	case typeNil:
		return "_", b
	case typeBoolean:
		return fmt.Sprint(b[0] == 1), b[1:]
	case typeInteger:
		return fmt.Sprint(int64(binary.LittleEndian.Uint64(b))), b[8:]
	case typeDouble:
		return fmt.Sprintf("double %v", math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
	}
	n := int(binary.LittleEndian.Uint32(b))
	b = b[4:]
	var items []string
	switch kind {
	case typeArray, typeSet:
		for range n {
			text, b = showValue(b)
			items = append(items, text)
		}
		open, end := "[", "]"
		if kind == typeSet {
			open, end = "set(", ")"
		}
		return open + strings.Join(items, ", ") + end, b
	case typeMap:
		for range n {
			var value string
			text, b = showValue(b)
			value, b = showValue(b)
			items = append(items, text+": "+value)
		}
		return "{" + strings.Join(items, ", ") + "}", b
	}
	name := map[byte]string{typeError: "error ", typeNumber: "number ", typeVerbatim: "verbatim "}[kind]
	return fmt.Sprintf("%s%q", name, b[:n]), b[n:]
}

// Every type that a server can answer crosses.
func TestReplies(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}})
	for kind, want := range map[string]string{
		"string":   `"Hello World"`,
		"integer":  `12345`,
		"double":   `double 3.141`,
		"null":     `_`,
		"array":    `[0, 1, 2]`,
		"set":      `set(0, 1, 2)`,
		"map":      `{0: false, 1: true, 2: false}`,
		"attrib":   `"Some real reply following the attribute"`,
		"verbatim": `verbatim "txt:This is a verbatim\nstring"`,
		"true":     `true`,
		"false":    `false`,
		"bignum":   `number "1234567999999999999999999999999999999"`,
	} {
		reply, err := c.Do(t.Context(), nil, Request{Args: []string{"DEBUG", "PROTOCOL", kind}})
		if err != nil || show(reply) != want {
			t.Errorf("%s: got %s, %v; want %s", kind, show(reply), err, want)
		}
	}
	want(t, c, `2`, "ZADD", "z", "inf", "a", "-1.5", "b")
	want(t, c, `[["b", double -1.5], ["a", double +Inf]]`, "ZRANGE", "z", "0", "-1", "WITHSCORES")
	want(t, c, `[_, _]`, "MGET", "none", "none")
	for _, test := range []struct{ script, want string }{
		{"redis.setresp(3) return {map={a=1.5 and {double=1.5}, }}", `{"a": double 1.5}`},
		{"return redis.error_reply('MINE it is')", `error "MINE it is"`},
		{"return {{}, {1, {'x'}}, false}", `[[], [1, ["x"]], _]`},
		{"return ''", `""`},
	} {
		reply, err := c.Eval(t.Context(), nil, test.script, 0, nil)
		if err != nil || show(reply) != test.want {
			t.Errorf("%s: got %s, %v; want %s", test.script, show(reply), err, test.want)
		}
	}
}

// A reply that is too large is dropped, and nothing else suffers.
func TestReplyTooLarge(t *testing.T) {
	server := redistest.Start(t)
	c := client(t, Options{Addresses: []string{server.Address}, Timeout: 20 * time.Second})
	const elements = 20
	for n := range elements {
		server.Do("SETRANGE", fmt.Sprint("part", n), strconv.Itoa(1<<20), "x")
		server.Do("RPUSH", "list", strings.Repeat("x", 1<<20))
	}
	server.Do("SETRANGE", "k", strconv.Itoa(MaxReply), "x")
	if _, err := do(c, "GET", "k"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a string: %v", err)
	}
	if _, err := do(c, "LRANGE", "list", "0", "-1"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a list: %v", err)
	}
	var parts []Request
	for n := range elements {
		parts = append(parts, request("GET", fmt.Sprint("part", n)))
	}
	for name, send := range map[string]func(context.Context, []byte, []Request) ([]byte, error){"pipeline": c.Pipeline, "transaction": c.Transaction} {
		if _, err := send(t.Context(), nil, parts); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a %s: %v", name, err)
		}
	}
	want(t, c, `20`, "LLEN", "list")
	if reply, err := c.Do(t.Context(), nil, request("LRANGE", "list", "0", "14")); err != nil || len(reply) < 15<<20 {
		t.Errorf("a reply of %d bytes, %v", len(reply), err)
	}
}

// A reply that is too large is not even built, and of one that is only in part
// no more than may be.
func TestReplyTooLargeIsNotBuilt(t *testing.T) {
	server := redistest.Start(t)
	const each = 100
	server.Do("SETRANGE", "k", strconv.Itoa(6*MaxReply), "x")
	server.Do("SETRANGE", "part", strconv.Itoa(MaxReply/10), "x")
	for name, send := range map[string]func(c *Client) error{
		"a string": func(c *Client) error { _, err := do(c, "GET", "k"); return err },
		"one that may be kept": func(c *Client) error {
			_, err := c.Cached(t.Context(), nil, request("GET", "k"), time.Minute)
			return err
		},
		"strings": func(c *Client) error {
			args := []string{"MGET"}
			for range each {
				args = append(args, "part")
			}
			_, err := do(c, args...)
			return err
		},
		"a transaction": func(c *Client) error {
			_, err := c.Transaction(t.Context(), nil, []Request{request("GET", "part"), request("GET", "k"), request("PING")})
			return err
		},
		"a pipeline": func(c *Client) error {
			_, err := c.Pipeline(t.Context(), nil, []Request{request("GET", "part"), request("GET", "k"), request("PING")})
			return err
		},
		"lists of lists": func(c *Client) error {
			_, err := c.Eval(t.Context(), nil, "local all, one = {}, string.rep('x', 1e6) for i = 1, 100 do all[i] = {i, {one}, {}} end return all", 0, nil)
			return err
		},
		"many elements": func(c *Client) error {
			_, err := c.Eval(t.Context(), nil, "local all = {} for i = 1, 3e6 do all[i] = 1 end return all", 0, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := client(t, Options{Addresses: []string{server.Address}, Timeout: 20 * time.Second, Cache: 1 << 30})
			connection, err := do(c, "CLIENT", "ID")
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := send(c); !errors.Is(err, ErrTooLarge) {
				t.Errorf("the error is %v", err)
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 4*MaxReply {
				t.Errorf("it takes %d MiB", took>>20)
			}
			want(t, c, connection, "CLIENT", "ID")
		})
	}
}

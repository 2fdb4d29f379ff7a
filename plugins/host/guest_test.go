package host_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/plugins/metric"
	"phasm/plugins/redis"
	"phasm/plugins/redis/command"
	"phasm/sdk/abi"
)

// Errors as results.
const (
	notFound    = int64(abi.NotFound)
	wrongPhase  = int64(abi.WrongPhase)
	badArgument = int64(abi.BadArgument)
	noMemory    = int64(abi.NoMemory)
	notGranted  = int64(abi.NotGranted)
	timeout     = int64(abi.Timeout)
	closed      = int64(abi.Closed)
	ioError     = int64(abi.IO)
)

// guest is a module that imports every host function and hands each on, so
// that a test can call it as a guest does: through wazero, with the arguments
// in the guest's memory.
type guest struct {
	t        testing.TB
	module   api.Module
	memory   api.Memory
	call     *host.Call
	log      bytes.Buffer
	registry *metric.Registry
	next     uint32       // where the next argument goes
	before   []byte       // the memory before a call, see checked
	measured *host.Plugin // has the example's metrics, see begin
	bare     bool         // has no grants
	sender   *sender      // has the requests that were sent
}

// newGuest is a guest in the content phase of the example exchange.
func newGuest(t testing.TB) *guest {
	t.Helper()
	m := wt.Plugin()
	functions := host.Functions()
	for _, f := range functions {
		m.Import(abi.Module, f.Name, signature(&f))
	}
	for index, f := range functions {
		var body []byte
		params, _ := f.Signature()
		for n := range params {
			body = append(body, wt.LocalGet(n)...)
		}
		m.Export(f.Name, m.Func(f.Name, signature(&f), body, wt.Call(index)))
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithMemoryLimitPages(64))
	t.Cleanup(func() { r.Close(ctx) })
	if err := host.Instantiate(ctx, r); err != nil {
		t.Fatal(err)
	}
	module, err := r.Instantiate(ctx, m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{t: t, module: module, memory: module.Memory(), sender: &sender{}}
	config := map[string]any{"x-a": "configured", "deep": map[string]any{"n": 5}}
	log := slog.New(slog.NewJSONHandler(&g.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g.registry = metric.NewRegistry()
	g.call = &host.Call{Context: ctx, Plugin: host.NewPlugin("p", config, grants(g.sender), log, g.registry), Phase: abi.Content, MostMemory: 4 << 20}
	g.call.Plugin.Timers = oneTimer{}
	g.call.Plugin.Messages = &topics{}
	g.call.Handshake = &handshake{name: "x-a.example"}
	g.call.Exchange, _ = exchange()
	return g
}

// grants are the example's: one of each kind.
func grants(s *sender) host.Grants {
	return host.Grants{
		Env: []string{"x-a", "EMPTY", "UNSET"},
		LookupEnv: func(name string) (string, bool) {
			value, set := map[string]string{"x-a": "of the environment", "EMPTY": "", "SECRET": "secret"}[name]
			return value, set
		},
		Zones: exampleZones(),
		HTTP:  []string{"x-a"}, HTTPSender: s,
		Upstreams: map[string]host.Upstream{"x-a": &onePeer{}},
		Redis: map[string]host.RedisGrant{
			"x-a": {Client: answering{}, Rules: command.Rules{Commands: []string{command.Default, "EVAL"}}},
		},
	}
}

// answering is a Redis that answers everything with the string x-a, at once: for
// the tests that go through the table. The others have a real one.
type answering struct{}

func (answering) append(dst []byte) ([]byte, error) {
	return append(dst, "$\x03\x00\x00\x00x-a"...), nil
}

func (a answering) Do(_ context.Context, dst []byte, _ redis.Request) ([]byte, error) {
	return a.append(dst)
}

func (a answering) Cached(_ context.Context, dst []byte, _ redis.Request, _ time.Duration) ([]byte, error) {
	return a.append(dst)
}

func (a answering) Pipeline(_ context.Context, dst []byte, _ []redis.Request) ([]byte, error) {
	return a.append(dst)
}

func (a answering) Transaction(_ context.Context, dst []byte, _ []redis.Request) ([]byte, error) {
	return a.append(dst)
}

func (a answering) Eval(_ context.Context, dst []byte, _ string, _ int, _ []string) ([]byte, error) {
	return a.append(dst)
}

// topics is where a guest's subscriptions go.
type topics struct {
	all  []string
	full bool
}

func (t *topics) Subscribe(server string, _ host.RedisSubscriber, topic redis.Topic) abi.Errno {
	if t.full {
		return abi.NoMemory
	}
	t.all = append(t.all, server+" "+topic.Name+" "+strconv.FormatBool(topic.Pattern))
	return 0
}

func (answering) Timeout() time.Duration { return time.Second }
func (answering) Complain() bool         { return false }

func signature(f *host.Function) wt.Signature {
	params, results := f.Signature()
	return wt.Sig(strings.Join(params, " "), strings.Join(results, " "))
}

// wire is a connection that the test holds the other end of.
type wire struct {
	body     []byte
	bodyErr  error // at the body's end, io.EOF where nil
	kept     bool  // what ReadBody was told last
	headSent bool
	gone     time.Time // when the client goes, never where zero
	flush    func() error
	flushes  int
	slow     time.Duration // how long reading and flushing take
	deadline time.Time     // what they were told last

	subrequests func() *subrequest // makes them, subanswered() where it is nil
	asked       []*subrequest
	refuses     abi.Errno
}

// wait takes the time that the connection takes, until the deadline at most.
func (w *wire) wait(deadline time.Time) error {
	w.deadline = deadline
	if left := time.Until(deadline); !deadline.IsZero() && left < w.slow {
		time.Sleep(left)
		return os.ErrDeadlineExceeded
	}
	time.Sleep(w.slow)
	return nil
}

func (w *wire) ReadBody(p []byte, offset int64, keep bool, deadline time.Time) (int, error) {
	w.kept = keep
	if err := w.wait(deadline); err != nil {
		return 0, err
	}
	if offset < int64(len(w.body)) {
		return copy(p, w.body[offset:]), nil
	}
	if w.bodyErr != nil {
		return 0, w.bodyErr
	}
	return 0, io.EOF
}

func (w *wire) SetBody(b []byte) { w.body = append(w.body[:0], b...) }

func (w *wire) Flush(deadline time.Time) error {
	w.flushes++
	if err := w.wait(deadline); err != nil {
		return err
	}
	if w.flush != nil {
		return w.flush()
	}
	return nil
}

func (*wire) StepAside() {}

func (w *wire) HeadSent() bool   { return w.headSent }
func (w *wire) ClientGone() bool { return !w.gone.IsZero() && !time.Now().Before(w.gone) }

// params are path parameters.
type params []param

type param struct {
	name  string
	value []byte
}

func (p params) Len() int           { return len(p) }
func (p params) Name(i int) string  { return p[i].name }
func (p params) Value(i int) []byte { return p[i].value }

func (p params) Get(name string) ([]byte, bool) {
	for _, param := range p {
		if param.name == name {
			return param.value, true
		}
	}
	return nil, false
}

// exchange is the example: something under the name x-a everywhere.
func exchange() (*host.Exchange, *wire) {
	w := &wire{body: []byte("the body")}
	x := &host.Exchange{
		Request: &fasthttp.Request{}, Response: &fasthttp.Response{}, Wire: w,
		Params: params{{"x-a", []byte("parameter")}, {"empty", nil}},
		Epoch:  time.Unix(1700000000, 5), Chunk: []byte("chunk"), EOF: true,
		Balancer: &choice{failed: true, peers: []host.Peer{{Name: "x-a", Address: "10.0.0.1:80", Weight: 5, Connections: 12, State: "up", Tried: true}, {Name: "b:1", Address: "b:1", State: "down"}}},
	}
	x.Request.SetRequestURI("/a%20path/../p?x-a=1&x-a=2%20+&y&%78-b=3")
	x.Request.Header.SetMethod("PUT")
	x.Request.Header.SetHost("example.com")
	x.Request.Header.Set("X-A", "of the request")
	x.Response.Header.SetNoDefaultContentType(true)
	x.Response.Header.Set("X-A", "of the response")
	return x, w
}

// raw calls a function with the numbers given, and answers its result as a
// number with its sign. A trap ends the test.
func (g *guest) raw(name string, args ...uint64) int64 {
	g.t.Helper()
	results, err := g.module.ExportedFunction(name).Call(g.call, args...)
	if err != nil {
		g.t.Fatalf("%s%v: %v", name, args, err)
	}
	if host.Find(name).Result == host.Nanoseconds {
		return int64(results[0])
	}
	return int64(api.DecodeI32(results[0]))
}

// buffer is an argument: room for that many bytes.
type buffer int

// ask calls a function with Go values: a string, a list, a buffer, numbers.
// It answers the result and what is in the buffer, and checks that nothing was
// written to the buffer but an answer that fits.
func (g *guest) ask(name string, args ...any) (result int64, content string) {
	g.t.Helper()
	const unwritten = 0xa5
	g.next = 64
	var raw []uint64
	var at, capacity uint32
	put := func(b []byte) {
		for uint64(g.next)+uint64(len(b)) >= uint64(g.memory.Size()) {
			if _, ok := g.memory.Grow(1); !ok {
				g.t.Fatalf("%s: no room for %d bytes", name, len(b))
			}
		}
		g.memory.Write(g.next, b)
		raw = append(raw, uint64(g.next), uint64(len(b)))
		g.next += uint32(len(b)) + 16
	}
	for _, arg := range args {
		switch v := arg.(type) {
		case string:
			put([]byte(v))
		case []string:
			put(list(v...))
		case []float64:
			put(doubles(v...))
		case buffer:
			at, capacity = g.next, uint32(v)
			put(bytes.Repeat([]byte{unwritten}, int(v)))
			g.memory.WriteByte(at+capacity, unwritten)
		case int:
			raw = append(raw, api.EncodeI32(int32(v)))
		case time.Duration:
			raw = append(raw, uint64(v))
		case float64:
			raw = append(raw, math.Float64bits(v))
		default:
			g.t.Fatalf("%s: an argument of type %T", name, arg)
		}
	}
	result = g.raw(name, raw...)
	if capacity == 0 && at == 0 {
		return result, ""
	}
	b, _ := g.memory.Read(at, capacity+1)
	written := 0
	if result >= 0 && result <= int64(capacity) {
		written = int(result)
	}
	if rest := b[written:]; bytes.Count(rest, []byte{unwritten}) != len(rest) {
		g.t.Errorf("%s%.100q answers %d and writes %.500q behind that", name, args, result, b)
	}
	return result, string(b[:written])
}

// list is a list as guests give and get it.
func list(items ...string) []byte {
	var b []byte
	for _, item := range items {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(item))), item...)
	}
	return b
}

// unlist cuts a list into its items.
func unlist(list string) (items []string) {
	for len(list) >= 4 {
		end := 4 + int(binary.LittleEndian.Uint32([]byte(list)))
		items = append(items, list[4:end])
		list = list[end:]
	}
	return items
}

func doubles(numbers ...float64) []byte {
	var b []byte
	for _, n := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(n))
	}
	return b
}

// done is the answer of a function that has nothing to say.
const done = 0

// want calls a function and checks its result: done, a number or an abi.Errno.
// Where the function fills a buffer it gets one.
func (g *guest) want(want int64, name string, args ...any) {
	g.t.Helper()
	if kind := host.Find(name).Result; kind == host.Length || kind == host.Count {
		args = append(args, buffer(64))
	}
	if result, _ := g.ask(name, args...); result != want {
		g.t.Errorf("%s%.100q answers %d, want %d", name, args, result, want)
	}
}

// wantText calls a function that answers a text, with buffers that the text
// fits, that are too small and that have no room at all.
func (g *guest) wantText(want string, name string, args ...any) {
	g.t.Helper()
	for _, capacity := range []int{len(want), len(want) + 1, max(0, len(want)-1), 0} {
		result, content := g.ask(name, append(args[:len(args):len(args)], buffer(capacity))...)
		if result != int64(len(want)) || capacity >= len(want) && content != want {
			g.t.Errorf("%s%.100q with room for %d answers %d, %.500q, want %d, %.500q", name, args, capacity, result, content, len(want), want)
		}
	}
}

// lines are the lines that have been logged.
func (g *guest) lines() []map[string]any {
	g.t.Helper()
	var lines []map[string]any
	for decoder := json.NewDecoder(&g.log); decoder.More(); {
		line := map[string]any{}
		if err := decoder.Decode(&line); err != nil {
			g.t.Fatal(err)
		}
		delete(line, "time")
		lines = append(lines, line)
	}
	return lines
}

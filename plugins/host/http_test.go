package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/httpclient"
	"phasm/sdk/abi"
)

// request begins a request that must be taken, and answers its handle.
func (g *guest) request(options ...string) int {
	g.t.Helper()
	handle, _ := g.ask("http_request", "GET", "http://x-a/", []string{}, options, "")
	if handle < 0 {
		g.t.Fatalf("http_request answers %d", handle)
	}
	return int(handle)
}

func TestHTTPRequest(t *testing.T) {
	g := newGuest(t)
	for phase := range abi.NumPhases {
		g.begin(phase)
		g.sender.requests = nil
		g.want(1, "http_request", "POST", "http://X-A/a%2fb?c=d%20e", []string{"X-B", "1", "x-b", "2"}, []string{"timeout", "1500", "redirects", "3"}, "the body")
		r := g.sender.requests[0]
		if r.Method != "POST" || r.URL.String() != "http://X-A/a%2fb?c=d%20e" || fmt.Sprint(r.Header) != "map[X-B:[1 2]]" || string(r.Body) != "the body" ||
			r.Limits != (httpclient.Limits{Total: 1500 * time.Millisecond}) || r.Redirects != 3 || r.Stream || len(r.Grants) == 0 {
			t.Errorf("in %s it is %+v", phase, r)
		}
		g.want(200, "http_status", 1)
		g.wantText("of the answer", "http_header_get", 1, "X-a")
		g.want(notFound, "http_header_get", 1, "x-none")
		g.wantText(string(answeredHeader), "http_header_list", 1)
		if n, content := g.ask("http_read", 1, buffer(64)); n != 6 || content != "answer" {
			t.Errorf("it reads %d, %q", n, content)
		}
		g.want(0, "http_read", 1)
		g.wantText("", "http_error", 1)
		g.want(done, "http_close", 1)
		for _, name := range []string{"http_status", "http_header_list", "http_read", "http_error", "http_close", "http_send"} {
			g.want(notFound, name, 1)
		}
		g.want(notFound, "http_write", 1, "x")
		g.want(notFound, "http_header_get", 1, "x-a")
	}
}

func TestHTTPRefusals(t *testing.T) {
	g := newGuest(t)
	none := []string{}
	for _, test := range []struct {
		method, url      string
		headers, options []string
		body             string
		want             int64
	}{
		{"", "http://x-a/", none, none, "", badArgument},
		{"G T", "http://x-a/", none, none, "", badArgument},
		{"CONNECT", "http://x-a/", none, none, "", badArgument},
		{strings.Repeat("G", 65), "http://x-a/", none, none, "", badArgument},
		{"GET", "", none, none, "", badArgument},
		{"GET", "/path", none, none, "", badArgument},
		{"GET", "ftp://x-a/", none, none, "", badArgument},
		{"GET", "http://x-a/ b", none, none, "", badArgument},
		{"GET", "http://x-a/\r\nX: y", none, none, "", badArgument},
		{"GET", "http://user:pass@x-a/", none, none, "", badArgument},
		{"GET", "http://x-a/#f", none, none, "", badArgument},
		{"GET", "http://x-a:0/", none, none, "", badArgument},
		{"GET", "http://x-a/" + strings.Repeat("x", 16<<10), none, none, "", badArgument},
		{"GET", "http://x-b/", none, none, "", notGranted},
		{"GET", "http://x-a:81/", none, none, "", notGranted},
		{"GET", "https://x-a:80/", none, none, "", notGranted},
		{"GET", "http://x-a/", []string{"a"}, none, "", badArgument},
		{"GET", "http://x-a/", []string{"a b", "c"}, none, "", badArgument},
		{"GET", "http://x-a/", []string{"a", "b\r\nc: d"}, none, "", badArgument},
		{"GET", "http://x-a/", []string{"a", strings.Repeat("x", 64<<10)}, none, "", noMemory},
		{"GET", "http://x-a/", none, []string{"timeout"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"timeout", "0"}, "", done},
		{"GET", "http://x-a/", none, []string{"timeout", "-1"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"timeout", "1s"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"timeout", "3600001"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"timeout", "1", "timeout", "1"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"connect_timeout", "30001"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"redirects", "11"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"nothing", "0"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"length", "5"}, "", badArgument},
		{"GET", "http://x-a/", none, []string{"stream", "1"}, "x", badArgument},
		{"GET", "http://x-a/", none, none, strings.Repeat("x", 64<<10), done},
		{"GET", "http://x-a/", none, none, strings.Repeat("x", 64<<10+1), noMemory},
	} {
		g.call.End()
		g.want(test.want, "http_request", test.method, test.url, test.headers, test.options, test.body)
	}
}

// An instance has 64 requests open at most, and none after its exchange.
func TestHTTPHandles(t *testing.T) {
	g := newGuest(t)
	for want := range 64 {
		if got := g.request(); got != want {
			t.Errorf("the handle is %d, want %d", got, want)
		}
	}
	g.want(noMemory, "http_request", "GET", "http://x-a/", []string{}, []string{}, "")
	g.want(done, "http_close", 7)
	if got := g.request(); got != 7 {
		t.Errorf("the handle is %d, want 7", got)
	}
	for _, handle := range []int{-1, 64, 1 << 30} {
		g.want(notFound, "http_status", handle)
	}
	g.call.End()
	for n, x := range g.sender.started {
		if !x.closed {
			t.Errorf("request %d is still open", n)
		}
	}
	g.want(notFound, "http_status", 0)
}

// A request that goes on by itself is none of the exchange's any more; a plugin
// has 64 of them at most.
func TestHTTPDetach(t *testing.T) {
	g := newGuest(t)
	g.want(notFound, "http_detach", 0)
	for range 64 {
		g.want(done, "http_detach", g.request())
	}
	g.want(notFound, "http_status", 0)
	g.want(int64(abi.Busy), "http_detach", g.request())
	g.want(200, "http_status", 0)
	g.sender.started[0].detached()
	g.want(done, "http_detach", 0)
	g.call.End()
	for n, x := range g.sender.started {
		if x.closed {
			t.Errorf("request %d is closed", n)
		}
	}
}

// What is closed does not end at once: a guest that closes what it opens, again
// and again, has to wait for that.
func TestHTTPRunning(t *testing.T) {
	g := newGuest(t)
	g.sender.lasting = true
	for range 128 {
		g.want(done, "http_close", g.request())
	}
	g.want(int64(abi.Busy), "http_request", "GET", "http://x-a/", []string{}, []string{}, "")
	g.sender.requests[0].Ended()
	g.request()
}

// What is written may be more than there is room for.
func TestHTTPWrite(t *testing.T) {
	g := newGuest(t)
	g.request("stream", "1")
	text := strings.Repeat("0123456789", 50)
	g.want(done, "http_write", 0, text)
	g.want(done, "http_write", 0, "")
	g.want(done, "http_send", 0)
	if got := string(g.sender.started[0].sent); got != text {
		t.Errorf("sent is %q", got)
	}
}

// On a false clock: a request is waited for until the call's deadline, and not
// long after the client has gone.
func TestHTTPWaits(t *testing.T) {
	for _, test := range []struct {
		name   string
		slow   time.Duration
		gone   time.Duration // when the client goes, 0 for never
		until  time.Duration // the call's deadline, 0 for none
		phase  abi.Phase
		answer int64
		took   time.Duration
	}{
		{"at once", 0, 0, 0, abi.Content, 200, 0},
		{"slow", time.Hour, 0, 0, abi.Content, 200, time.Hour},
		{"in time", time.Second, 0, time.Second + 1, abi.Rewrite, 200, time.Second},
		{"too late", time.Hour, 0, time.Second + 1, abi.Access, timeout, time.Second + 1},
		{"after the deadline", time.Hour, 0, -1, abi.Content, timeout, 0},
		{"the client goes", time.Hour, 250 * time.Millisecond, 0, abi.Content, closed, 300 * time.Millisecond},
		{"the client goes in log", time.Second, time.Millisecond, 0, abi.Log, 200, time.Second},
		{"without a request", time.Minute, 0, 0, abi.InitWorker, 200, time.Minute},
	} {
		for _, function := range []string{"http_status", "http_header_list", "http_header_get", "http_read", "http_write"} {
			t.Run(test.name+" "+function, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGuest(t)
					g.begin(test.phase)
					g.call.End()
					g.sender.slow = test.slow
					handle := g.request()
					g.raw("sleep", 0) // from here on the call looks at the clock
					g.call.Until, g.call.Blocked = time.Time{}, 0
					if test.until != 0 {
						g.call.Until = time.Now().Add(test.until)
					}
					if test.gone != 0 {
						g.call.Exchange.Wire.(*wire).gone = time.Now().Add(test.gone)
					}
					args, good := []any{handle}, test.answer
					switch function {
					case "http_header_list":
						good = int64(len(answeredHeader))
					case "http_header_get":
						args, good = append(args, "x-a"), int64(len("of the answer"))
					case "http_read":
						good = int64(len("answer"))
					case "http_write":
						args, good = append(args, "x"), done
					}
					if test.answer < 0 {
						good = test.answer
					}
					start := time.Now()
					g.want(good, function, args...)
					if took := time.Since(start); took != test.took || g.call.Blocked != took {
						t.Errorf("it took %v, of which it was blocked for %v, want %v", took, g.call.Blocked, test.took)
					}
					g.call.End()
				})
			})
		}
	}
}

// Why a request fails the guest can read, and the log has it: at level debug,
// but an address that is not granted once as an error.
func TestHTTPFails(t *testing.T) {
	for _, test := range []struct {
		errno abi.Errno
		level string
		lines int
	}{{abi.IO, "DEBUG", 2}, {abi.Timeout, "DEBUG", 2}, {abi.NoMemory, "DEBUG", 2}, {abi.NotGranted, "ERROR", 1}, {abi.Closed, "", 0}} {
		g := newGuest(t)
		g.sender.errno = test.errno
		g.request()
		g.want(int64(test.errno), "http_status", 0)
		g.want(int64(test.errno), "http_read", 0)
		g.wantText("the reason", "http_error", 0)
		lines := g.lines()
		if len(lines) != test.lines {
			t.Errorf("%v logs %v", test.errno, lines)
		}
		for _, line := range lines {
			if line["level"] != test.level || !strings.Contains(fmt.Sprint(line), "the reason") {
				t.Errorf("%v logs %v", test.errno, line)
			}
		}
	}
}

// FuzzHTTPRequest looks at what is taken of a guest's lists.
func FuzzHTTPRequest(f *testing.F) {
	f.Add("GET", "http://x-a/", list("a", "b"), list("timeout", "5"), "body")
	f.Add("PUT", "https://x-a:443/%zz?", list("Host", "x"), list("stream", "1", "length", "10"), "")
	g := newGuest(f)
	function := host.Find("http_request")
	f.Fuzz(func(t *testing.T, method, url string, headers, options []byte, body string) {
		if len(method)+len(url)+len(headers)+len(options)+len(body) > 32<<10 {
			t.Skip()
		}
		g.t = t
		g.call.End()
		g.sender.requests, g.sender.started = nil, nil
		var args []uint64
		at := uint32(64)
		for _, b := range []string{method, url, string(headers), string(options), body} {
			g.memory.WriteString(at, b)
			args = append(args, uint64(at), uint64(len(b)))
			at += uint32(len(b))
		}
		g.checked(function, args)
		for _, r := range g.sender.requests {
			if name, _, _ := strings.Cut(strings.ToLower(r.URL.Host), ":"); strings.TrimSuffix(name, ".") != "x-a" || r.Method == "" {
				t.Errorf("it takes %q %q", r.Method, r.URL)
			}
			for name, values := range r.Header {
				for _, value := range values {
					checkHead(t, "line\r\n"+name+": "+value+"\r\n\r\n")
				}
			}
		}
	})
}

// What the host computes for a request counts as the guest's, also while it
// waits.
func TestHTTPWorkCounts(t *testing.T) {
	for name, slow := range map[string]time.Duration{"at once": 0, "waiting": time.Hour} {
		t.Run(name, func(t *testing.T) {
			g := newGuest(t)
			g.begin(abi.Content)
			g.call.Budget.CPU, g.call.Budget.Wall = time.Second, 5*time.Second
			g.call.Begin()
			g.sender.works, g.sender.slow = 300*time.Millisecond, slow
			handle := g.request()
			stack := []uint64{uint64(handle)}
			var err error
			calls := 0
			for ; err == nil && calls < 100; calls++ {
				err = g.module.ExportedFunction("http_status").CallWithStack(g.call, stack)
				stack[0] = uint64(handle)
			}
			var stopped *host.Stopped
			if !errors.As(err, &stopped) || !strings.Contains(stopped.Error(), "it computed for more than 1s") {
				t.Errorf("after %d calls the error is %v", calls, err)
			}
		})
	}
}

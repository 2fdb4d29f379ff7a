//go:build !wasip1

package sdktest_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

// recorder is a test that notes what it is told instead of failing.
type recorder struct {
	testing.TB
	told    []string
	cleanup func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Log(args ...any)  { r.told = append(r.told, "log "+fmt.Sprint(args...)) }
func (r *recorder) Cleanup(f func()) { r.cleanup = f }
func (r *recorder) Errorf(format string, args ...any) {
	r.told = append(r.told, "error "+fmt.Sprintf(format, args...))
}
func (r *recorder) Fatal(args ...any) {
	r.told = append(r.told, "fatal "+fmt.Sprint(args...))
	panic(r)
}

func (r *recorder) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(r.told, want) {
		t.Errorf("the test was told %q, want %q", r.told, want)
	}
}

// TestFaults sees that a test fails where its plugin does.
func TestFaults(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	sdk.ExitWorker(func() error { return errors.New("cannot leave") })
	var r recorder
	h := sdktest.New(&r, nil)
	sdk.Content(func(*sdk.Request) sdk.Action {
		sdk.Warn("what now")
		return 2
	})
	if got := h.Do(sdktest.Request{}).Status; got != 500 {
		t.Errorf("the status is %d, want 500", got)
	}
	r.cleanup()
	r.expect(t, "log warn content: what now", "error content answered action 2: the server takes it for a fault",
		"log error exit_worker: cannot leave", "error exit_worker failed: cannot leave")
}

func TestNoStart(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	var r recorder
	defer func() {
		if recover() != any(&r) {
			t.Error("the test went on")
		}
		r.expect(t, "fatal cannot start the plugin: no configuration")
	}()
	sdk.Init(func() error { return errors.New("no configuration") })
	sdktest.New(&r, nil)
}

// TestNested starts a server while another one runs.
func TestNested(t *testing.T) {
	outer := sdktest.New(t, sdktest.Config{"name": "outer"})
	inner, err := sdktest.Start(sdktest.Config{"name": "inner"})
	if err != nil || sdk.Config("name") != "inner" {
		t.Errorf("the inner server is %q, error %v", sdk.Config("name"), err)
	}
	inner.Close()
	if sdk.Config("name") != "outer" || len(outer.Logs()) > 0 {
		t.Errorf("the outer server is %q", sdk.Config("name"))
	}
}

// TestNoHost calls a host function without one.
func TestNoHost(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "sdk: now needs a host: phasm, or in a test sdktest.New" {
			t.Errorf("the panic is %q", got)
		}
	}()
	sdk.Now()
}

func TestBadRemoteAddr(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "sdktest: RemoteAddr is an address and a port: ") {
			t.Errorf("the panic is %q", got)
		}
	}()
	sdktest.New(t, nil).Begin(sdktest.Request{RemoteAddr: "localhost"})
}

// TestBodyTooLarge has the plugin answer a body over the server's limit
// itself: the server answers in its place.
func TestBodyTooLarge(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Content(func(r *sdk.Request) sdk.Action {
		_, err := r.BodyBytes(math.MaxInt)
		r.Response().WriteString("my own words")
		if r.HasQuery("flush") {
			r.Response().Flush()
		}
		if !errors.Is(err, sdk.ErrNoMemory) {
			t.Errorf("the error is %v", err)
		}
		return r.Exit(400)
	})
	resp := h.Do(sdktest.Request{Body: "start", BodyErr: sdk.ErrNoMemory})
	if resp.Status != 413 || resp.Body != "413 Request Entity Too Large\n" {
		t.Errorf("got %d %q", resp.Status, resp.Body)
	}
	resp = h.Do(sdktest.Request{Target: "/?flush", Body: "start", BodyErr: sdk.ErrNoMemory})
	if resp.Status != 200 || resp.Body != "my own words" {
		t.Errorf("after a flush: got %d %q", resp.Status, resp.Body)
	}
}

// TestFaultAfterFlush has a handler fail when its response is on its way.
func TestFaultAfterFlush(t *testing.T) {
	var r recorder
	h := sdktest.New(&r, nil)
	defer h.Close()
	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().WriteString("begun")
		r.Response().Flush()
		return -1
	})
	if resp := h.Do(sdktest.Request{}); resp.Status != 200 || resp.Body != "begun" {
		t.Errorf("got %d %q", resp.Status, resp.Body)
	}
}

func TestBodiless(t *testing.T) {
	h := sdktest.New(t, nil)
	filtered := 0
	sdk.BodyFilter(func(_ *sdk.Request, c *sdk.Chunk) { filtered += c.Len() })
	for _, test := range []struct {
		method string
		status int
		body   string
	}{{"GET", 200, "body"}, {"HEAD", 200, ""}, {"GET", 204, ""}, {"GET", 304, ""}, {"GET", 404, "body"}} {
		resp := h.Do(sdktest.Request{Method: test.method, Upstream: sdktest.Upstream{
			Status: test.status, Header: http.Header{"Content-Type": {"text/x"}}, Chunks: []string{"body"},
		}})
		if resp.Status != test.status || resp.Body != test.body || resp.Header.Get("Content-Type") != "text/x" {
			t.Errorf("%s %d: got %d %q, %v", test.method, test.status, resp.Status, resp.Body, resp.Header)
		}
	}
	if filtered != 20 {
		t.Errorf("%d bytes passed the body filter, want 20", filtered)
	}
}

// TestLargeChunks sees that large bodies come to the body filter in pieces.
func TestLargeChunks(t *testing.T) {
	h := sdktest.New(t, nil)
	var sizes []int
	var last []bool
	sdk.BodyFilter(func(_ *sdk.Request, c *sdk.Chunk) {
		sizes, last = append(sizes, c.Len()), append(last, c.EOF())
	})
	var sent string
	sdk.Log(func(r *sdk.Request) { sent = r.Variable("body_bytes_sent") })
	h.Do(sdktest.Request{Upstream: sdktest.Upstream{Chunks: []string{strings.Repeat("x", 150<<10)}}})
	if !slices.Equal(sizes, []int{64 << 10, 64 << 10, 22 << 10}) || !slices.Equal(last, []bool{false, false, true}) || sent != "153600" {
		t.Errorf("the filter saw %v, %v, and %s bytes were sent", sizes, last, sent)
	}
}

// TestWriteGone writes more than the server holds to a client that has gone.
func TestWriteGone(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Content(func(r *sdk.Request) sdk.Action {
		_, err := r.Response().WriteString(strings.Repeat("x", 2<<20))
		if !errors.Is(err, sdk.ErrClosed) {
			t.Errorf("the error is %v, want %v", err, sdk.ErrClosed)
		}
		return sdk.Final
	})
	h.Begin(sdktest.Request{ClientGone: true}).Run(abi.Content)
}

// TestRequestOut sees what an upstream would get.
func TestRequestOut(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Rewrite(func(r *sdk.Request) sdk.Action {
		r.SetMethod("POST")
		r.SetURI("/b")
		r.SetHeader("X-A", "1")
		r.SetHeader("Host", "upstream.example")
		r.SetBodyString("body")
		r.SetCtx("k", "v")
		return sdk.Continue
	})
	got := h.Do(sdktest.Request{Target: "/a", TLS: true, Params: map[string]string{"p": "q"}}).Request
	want := sdktest.Request{
		Method: "POST", Target: "/b", Protocol: "HTTP/1.1", Host: "upstream.example", Header: http.Header{"X-A": {"1"}}, Body: "body",
		Params: map[string]string{"p": "q"}, RemoteAddr: "192.0.2.1:1234", TLS: true, Ctx: map[string]string{"k": "v"},
		Upstream: sdktest.Upstream{Status: 200},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

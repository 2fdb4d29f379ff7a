package host_test

import (
	"strings"
	"testing"

	"phasm/sdk/abi"
)

func TestRequestLine(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.Access
	const received = "/a%20path/../p?x-a=1&x-a=2%20+&y&%78-b=3"
	g.wantText("PUT", "request_method")
	g.wantText(received, "request_uri")
	g.wantText("/p", "request_path")
	g.wantText("x-a=1&x-a=2%20+&y&%78-b=3", "request_query")
	g.want(done, "request_set_method", "PATCH")
	g.wantText("PATCH", "request_method")

	g.want(done, "request_set_query", "z=1?&/")
	g.wantText("/p?z=1?&/", "request_uri")
	g.want(done, "request_set_query", "")
	g.wantText("/p", "request_uri")
	g.wantText("", "request_query")

	g.want(done, "request_set_uri", "/%62//c/./d?q")
	g.wantText("/b/c/d?q", "request_uri")
	g.wantText("/b/c/d", "request_path")
	g.wantText("q", "request_query")
	if got := string(g.call.Exchange.ReceivedURI()); got != received {
		t.Errorf("the received target is %q", got)
	}
	g.wantText(received, "variable_get", "request_uri")
	if got := g.raw("request_start"); got != 1700000000000000005 {
		t.Errorf("the start is %d", got)
	}
}

func TestRequestLineRefuses(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.Rewrite
	long := strings.Repeat("a", 64<<10)
	for _, method := range []string{"", "G T", "GET\r\n", "GET\x00", "(GET)", "GÉT", long + "a"} {
		g.want(badArgument, "request_set_method", method)
	}
	for _, uri := range []string{"", "a", "*", "/a b", "/a\r\nX: y", "/a\n", "/a\x00", "/a\x7f", "/a#b", "http://a/", "/" + long} {
		g.want(badArgument, "request_set_uri", uri)
		g.want(badArgument, "exec", uri)
	}
	for _, query := range []string{"a b", "a\nb", "a\rb", "a\x00", "a#b", long + "a"} {
		g.want(badArgument, "request_set_query", query)
	}
	g.wantText("PUT", "request_method")
	g.wantText("/a%20path/../p?x-a=1&x-a=2%20+&y&%78-b=3", "request_uri")
	g.want(done, "request_set_uri", "/"+long[1:])
	g.want(done, "request_set_query", long)
	if x := g.call.Exchange; len(x.Exec) > 0 || x.Ended {
		t.Error("a refused exec has an effect")
	}
}

func TestQuery(t *testing.T) {
	g := newGuest(t)
	g.wantText("1", "query_get", "x-a", 0)
	g.wantText("2  ", "query_get", "x-a", 1)
	g.want(notFound, "query_get", "x-a", 2)
	g.wantText("", "query_get", "y", 0)
	g.wantText("3", "query_get", "x-b", 0)
	g.want(notFound, "query_get", "X-A", 0)
	g.want(notFound, "query_get", "", 0)
	g.want(badArgument, "query_get", "x-a", -1)
	g.wantText(string(list("x-a", "1", "x-a", "2  ", "y", "", "x-b", "3")), "query_list")
	g.call.Exchange.Request.SetRequestURI("/?")
	g.wantText("", "query_list")
}

func TestParams(t *testing.T) {
	g := newGuest(t)
	g.wantText("parameter", "param_get", "x-a")
	g.wantText("", "param_get", "empty")
	g.want(notFound, "param_get", "none")
	g.wantText(string(list("x-a", "parameter", "empty", "")), "param_list")
	g.call.Exchange.Params = params{}
	g.wantText("", "param_list")
}

func TestRequestBody(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange, g.call.Phase = x, abi.Access
	read := func(capacity int, wantResult int64, want string) {
		t.Helper()
		if result, got := g.ask("request_body_read", buffer(capacity)); result != wantResult || got != want {
			t.Errorf("a read of up to %d bytes answers %d, %q, want %d, %q", capacity, result, got, wantResult, want)
		}
	}
	read(0, badArgument, "")
	read(5, 5, "the b")
	if !w.kept {
		t.Error("what is read in access is not kept for others")
	}
	g.call.Phase = abi.Content
	read(64, 3, "ody")
	if w.kept {
		t.Error("what is read in content is kept")
	}
	read(64, 0, "")
	for err, want := range bodyErrors {
		w.bodyErr = err
		read(64, want, "")
	}
	g.call.Phase, g.call.BodyRead = abi.Rewrite, 0
	g.want(done, "request_body_set", "another")
	read(64, 7, "another")
	g.want(done, "request_body_set", "")
	if len(w.body) > 0 {
		t.Errorf("the body is %q", w.body)
	}
}

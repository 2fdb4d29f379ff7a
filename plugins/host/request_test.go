package host_test

import (
	"strings"
	"testing"

	"phasm/sdk/abi"
)

func TestRequestLine(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.Access
	g.want("PUT", "request_method")
	g.want("/a%20path/../p?x-a=1&x-a=2%20+&y&%78-b=3", "request_uri")
	g.want("/p", "request_path")
	g.want("x-a=1&x-a=2%20+&y&%78-b=3", "request_query")
	g.want(nil, "request_set_method", "PATCH")
	g.want("PATCH", "request_method")

	g.want(nil, "request_set_query", "z=1?&/")
	g.want("/a%20path/../p?z=1?&/", "request_uri")
	g.want(nil, "request_set_query", "")
	g.want("/a%20path/../p", "request_uri")
	g.want("", "request_query")

	g.want(nil, "request_set_uri", "/%62//c/./d?q")
	g.want("/%62//c/./d?q", "request_uri")
	g.want("/b/c/d", "request_path")
	g.want("q", "request_query")
	if got := string(g.call.Exchange.ReceivedURI()); got != "/a%20path/../p?x-a=1&x-a=2%20+&y&%78-b=3" {
		t.Errorf("the received target is %q", got)
	}
	for _, method := range []string{"", "G T", "GET\r\n", "GET\x00", "(GET)", "GÉT", strings.Repeat("G", 64<<10+1)} {
		g.want(abi.BadArgument, "request_set_method", method)
	}
	for _, uri := range []string{"", "a", "*", "/a b", "/a\r\nX: y", "/a\x00", "/a\x7f", "/a#b", "http://a/", "/" + strings.Repeat("a", 32<<10)} {
		want := any(abi.BadArgument)
		if len(uri) > 32<<10 {
			want = nil // long, but no longer than may be
		}
		g.want(want, "request_set_uri", uri)
	}
	g.want(abi.BadArgument, "request_set_query", "a b")
	g.want(abi.BadArgument, "request_set_query", "a\nb")
}

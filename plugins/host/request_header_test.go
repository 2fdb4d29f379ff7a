package host_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

var bodyErrors = map[error]int64{
	host.ErrBodyTooLarge:                           noMemory,
	fmt.Errorf("chunk: %w", host.ErrBodyTooLarge):  noMemory,
	os.ErrDeadlineExceeded:                         timeout,
	fmt.Errorf("read: %w", os.ErrDeadlineExceeded): timeout,
	errors.New("connection reset by peer"):         ioError,
}

// read makes a request of these header lines, in place of what was there.
func (g *guest) read(lines ...string) {
	g.t.Helper()
	r := g.call.Exchange.Request
	r.Reset()
	text := "POST / HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	if err := r.Header.Read(bufio.NewReader(strings.NewReader(text))); err != nil {
		g.t.Fatal(err)
	}
}

func TestRequestHeaders(t *testing.T) {
	g := newGuest(t)
	g.read("Host: example.com", "User-Agent: test", "accept: a", "Accept: b", "X-Empty:", "Cookie: a=1; b=2", "Content-Length: 4")
	g.wantText("a", "request_header_get", "ACCEPT")
	g.wantText("example.com", "request_header_get", "host")
	g.wantText("test", "request_header_get", "User-agent")
	g.wantText("a=1; b=2", "request_header_get", "cookie")
	g.wantText("4", "request_header_get", "content-length")
	g.wantText("", "request_header_get", "X-Empty")
	for _, name := range []string{"X-None", "", "a b", "Content-Type", "Transfer-Encoding", "\x00"} {
		g.want(notFound, "request_header_get", name)
	}
	g.wantText(string(list("Host", "example.com", "Content-Length", "4", "User-Agent", "test",
		"Cookie", "a=1; b=2", "Accept", "a", "Accept", "b", "X-Empty", "")), "request_header_list")

	g.want(done, "request_header_add", "accept", "c")
	g.want(done, "request_header_set", "X-Empty", "full")
	g.want(done, "request_header_set", "x-new", "")
	g.want(done, "request_header_set", "Cookie", "c=3")
	g.want(done, "request_header_set", "host", "other.example")
	g.want(done, "request_header_remove", "user-agent")
	g.want(done, "request_header_remove", "x-none")
	g.want(notFound, "request_header_get", "User-Agent")
	g.wantText(string(list("Host", "other.example", "Content-Length", "4", "Cookie", "c=3",
		"Accept", "a", "Accept", "b", "X-Empty", "full", "Accept", "c", "X-New", "")), "request_header_list")
	g.want(done, "request_header_set", "ACCEPT", "only")
	g.wantText(string(list("Host", "other.example", "Content-Length", "4", "Cookie", "c=3",
		"X-Empty", "full", "X-New", "", "Accept", "only")), "request_header_list")
	g.want(done, "request_header_remove", "accept")
	g.want(notFound, "request_header_get", "Accept")
}

// The order of a header's values has a meaning. Removing or replacing another
// header must not change it, whichever stands where.
func TestHeadersKeepTheirOrder(t *testing.T) {
	g := newGuest(t)
	lines := []string{"Host: a", "X-F: 1", "X-B: b", "X-F: 2", "X-C: c", "X-C: cc", "X-F: 3", "X-D: d", "X-F: 4", "Connection: close"}
	values := func(function, skip string) (values [][2]string) {
		_, content := g.ask(function, buffer(1000))
		items := unlist(content)
		for i := 0; i < len(items); i += 2 {
			if name := items[i]; name != skip && strings.HasPrefix(name, "X-") {
				values = append(values, [2]string{name, items[i+1]})
			}
		}
		slices.SortStableFunc(values, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		return values
	}
	for _, message := range []string{"request", "response"} {
		for _, name := range []string{"X-F", "X-B", "X-C", "X-D", "x-d", "Host", "Connection"} {
			for _, function := range []string{"_remove", "_set"} {
				g.call.Exchange, _ = exchange()
				g.call.Exchange.Response.Header.Del("X-A")
				g.read(lines...)
				for _, line := range lines {
					if name, value, _ := strings.Cut(line, ": "); name != "Host" {
						g.call.Exchange.Response.Header.Add(name, value)
					}
				}
				list := message + "_header_list"
				want := values(list, http.CanonicalHeaderKey(name))
				args := []any{name}
				if function == "_set" {
					args = append(args, "new")
				}
				g.want(done, message+"_header"+function, args...)
				if got := values(list, http.CanonicalHeaderKey(name)); !slices.Equal(got, want) {
					t.Errorf("%s%s %s: left are %v, want %v", message, function, name, got, want)
				}
				if function == "_remove" {
					g.want(notFound, message+"_header_get", name)
				} else {
					g.wantText("new", message+"_header_get", name)
				}
			}
		}
	}
}

// Were a guest able to change how long the request's body is, the rest of the
// body would be taken for the connection's next request.
func TestRequestFramingIsTheServers(t *testing.T) {
	g := newGuest(t)
	for _, framing := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
		g.read("Host: a", framing)
		length := g.call.Exchange.Request.Header.ContentLength()
		before, _ := g.ask("request_header_list", buffer(1000))
		for _, name := range []string{"Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-encoding"} {
			for _, value := range []string{"1", "chunked", "identity", ""} {
				g.want(done, "request_header_set", name, value)
				g.want(done, "request_header_add", name, value)
				g.want(done, "request_header_remove", name)
			}
		}
		if got := g.call.Exchange.Request.Header.ContentLength(); got != length {
			t.Errorf("with %s the length was %d and is %d", framing, length, got)
		}
		if after, _ := g.ask("request_header_list", buffer(1000)); after != before {
			t.Errorf("with %s the list had %d bytes and has %d", framing, before, after)
		}
	}
}

var badNames = []string{"", " ", "X-A ", " X-A", "X A", "X:A", "X-A:", "X-A\r\nX-B: c", "X\nA", "X\x00A", "X\x7fA", "Ä", "X(A)", strings.Repeat("x", 1<<10+1)}

var badValues = []string{"a\r\nX-Evil: b", "a\nb", "a\rb", "a\x00b", "\x00", "\r", "a\r\n\r\nHTTP/1.1 200 OK", "\x7f", "a\x0bb", "\x1b[31m"}

// What guests set must stay one header line.
func TestHeaderInjection(t *testing.T) {
	g := newGuest(t)
	for _, function := range []string{"request_header_set", "request_header_add", "response_header_set", "response_header_add"} {
		for _, name := range badNames {
			g.want(badArgument, function, name, "value")
		}
		for _, value := range badValues {
			g.want(badArgument, function, "X-New", value)
		}
		g.want(done, function, "X-Good", "a\tb \"c\", \xff \u00e4")
	}
	for _, uri := range badValues {
		g.want(badArgument, "redirect", uri, 302)
		g.want(badArgument, "exec", "/"+uri)
	}
	x := g.call.Exchange
	for _, text := range []string{x.Request.Header.String(), x.Response.Header.String()} {
		if strings.Contains(text, "Evil") || strings.Contains(text, "X-New") || strings.Count(text, "\r\n\r\n") != 1 {
			t.Errorf("a head of %q", text)
		}
	}
	if x.Ended {
		t.Error("a refused redirect has an effect")
	}
}

// A guest in a loop must not fill the host's memory by way of headers.
func TestHeadersAreBounded(t *testing.T) {
	g := newGuest(t)
	value := strings.Repeat("v", 1<<10)
	for _, function := range []string{"request_header_add", "response_header_set"} {
		g.call.Exchange, _ = exchange()
		added := 0
		for ; added < 1000; added++ {
			if result, _ := g.ask(function, fmt.Sprintf("X-%04d", added), value); result != done {
				if result != noMemory {
					t.Errorf("%s answers %d", function, result)
				}
				break
			}
		}
		if size := added * (len(value) + 6 + 128); size < 250<<10 || size > 256<<10 {
			t.Errorf("%s takes %d bytes", function, size)
		}
	}
	g.want(noMemory, "request_header_set", "X-A", value)
	g.call.Exchange.Reset()
	g.want(done, "request_header_set", "X-A", value)

	long := strings.Repeat("x", 1<<10+1)
	for _, function := range []string{"request_header_get", "request_header_remove", "response_header_get", "response_header_remove", "variable_get"} {
		g.want(badArgument, function, long)
	}
	g.call.Phase = abi.Log
	g.want(notFound, "request_header_get", long[1:])
}

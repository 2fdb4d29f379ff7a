package host_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"phasm/sdk/abi"
)

func TestResponseStatus(t *testing.T) {
	g := newGuest(t)
	g.want(200, "response_status")
	for _, status := range []int{200, 404, 599} {
		g.want(done, "response_set_status", status)
		g.want(int64(status), "response_status")
	}
	for _, status := range []int{-1, 0, 100, 199, 600, 1 << 30} {
		g.want(badArgument, "response_set_status", status)
	}
	g.want(599, "response_status")
}

func TestResponseWrite(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange, g.call.Phase = x, abi.Access
	g.want(done, "response_write", "one ")
	g.want(done, "response_write", "")
	g.want(done, "response_write", "two")
	if got := string(x.Response.Body()); got != "one two" || w.flushes != 0 {
		t.Errorf("the body is %q, flushed %d times", got, w.flushes)
	}
	// Before content there is nobody to send more than the limit to.
	large := strings.Repeat("x", 1<<20-len("one two"))
	g.want(done, "response_write", large)
	g.want(noMemory, "response_write", "x")
	if size := len(x.Response.Body()); size != 1<<20 {
		t.Errorf("the body has %d bytes", size)
	}
	g.call.Phase = abi.Content
	w.flush = func() error {
		x.Response.ResetBody()
		return nil
	}
	g.want(done, "response_write", "more")
	if got := string(x.Response.Body()); got != "more" || w.flushes != 1 {
		t.Errorf("after a flush the body is %q, flushed %d times", got, w.flushes)
	}
	w.flush = func() error { return errors.New("broken pipe") }
	g.want(closed, "response_write", large+"1234")
	if got := string(x.Response.Body()); got != "more" {
		t.Errorf("after a flush that failed the body has %d bytes", len(got))
	}
}

func TestResponseFlush(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange = x
	g.want(done, "response_flush")
	w.flush = func() error { return errors.New("broken pipe") }
	g.want(closed, "response_flush")
	if w.flushes != 2 {
		t.Errorf("flushed %d times", w.flushes)
	}
}

// Once the head has been sent, what changes it has no meaning in any phase.
func TestAfterTheHeadHasBeenSent(t *testing.T) {
	g := newGuest(t)
	x, w := exchange()
	g.call.Exchange, w.headSent = x, true
	for _, call := range [][]any{
		{"response_set_status", 404}, {"response_header_set", "X-B", "b"}, {"response_header_add", "X-B", "b"},
		{"response_header_remove", "X-A"}, {"exit", 404}, {"redirect", "/", 302}, {"exec", "/"},
	} {
		name := call[0].(string)
		g.want(wrongPhase, name, call[1:]...)
		lines := g.lines()
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["function"] != name || lines[0]["plugin"] != "p" ||
			lines[0]["msg"] != "API disabled in the context of content: the response's head has been sent" {
			t.Errorf("%s logs %v", name, lines)
		}
	}
	g.want(200, "response_status")
	g.wantText("of the response", "response_header_get", "X-A")
	g.want(notFound, "response_header_get", "X-B")
	if x.Ended || len(x.Exec) > 0 {
		t.Error("the request has ended")
	}
	g.want(done, "response_write", "more")
}

func TestResponseHeaders(t *testing.T) {
	g := newGuest(t)
	g.want(done, "response_header_add", "x-a", "second")
	g.want(done, "response_header_set", "content-type", "text/css")
	g.want(done, "response_header_set", "X-Empty", "")
	g.want(done, "response_header_add", "Set-Cookie", "a=1; Path=/")
	g.want(done, "response_header_add", "set-cookie", "b=2")
	g.wantText("of the response", "response_header_get", "X-a")
	g.wantText("text/css", "response_header_get", "Content-Type")
	g.wantText("", "response_header_get", "x-empty")
	g.wantText("a=1; Path=/", "response_header_get", "set-cookie")
	for _, name := range []string{"X-None", "", "Server", "Content-Encoding", "Connection", "Content-Length", "Date"} {
		g.want(notFound, "response_header_get", name)
	}
	g.wantText(string(list("Content-Type", "text/css", "Set-Cookie", "a=1; Path=/", "Set-Cookie", "b=2",
		"X-A", "of the response", "X-A", "second", "X-Empty", "")), "response_header_list")

	g.want(done, "response_header_set", "SET-COOKIE", "c=3")
	g.want(done, "response_header_set", "x-a", "only")
	g.want(done, "response_header_remove", "Content-Type")
	g.want(done, "response_header_remove", "X-None")
	g.wantText(string(list("Set-Cookie", "c=3", "X-Empty", "", "X-A", "only")), "response_header_list")
	g.want(done, "response_header_remove", "set-cookie")
	for _, name := range []string{"Set-Cookie", "Content-Type"} {
		g.want(notFound, "response_header_get", name)
	}
}

func TestResponseFramingIsTheServers(t *testing.T) {
	g := newGuest(t)
	g.call.Exchange.Response.Header.SetContentLength(7)
	for _, name := range []string{"Content-Length", "CONTENT-length", "Transfer-Encoding", "transfer-encoding"} {
		g.want(done, "response_header_set", name, "1")
		g.want(done, "response_header_add", name, "chunked")
		g.want(done, "response_header_remove", name)
	}
	if n := g.call.Exchange.Response.Header.ContentLength(); n != 7 {
		t.Errorf("the length was 7 and is %d", n)
	}
	g.wantText("7", "response_header_get", "content-length")
	g.want(notFound, "response_header_get", "transfer-encoding")
}

func TestResponseChunk(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.BodyFilter
	x := g.call.Exchange
	g.wantText("chunk", "response_chunk")
	g.want(1, "response_eof")
	x.EOF = false
	g.want(0, "response_eof")
	g.want(done, "response_set_chunk", "replaced")
	g.wantText("replaced", "response_chunk")
	g.memory.Write(64, []byte("XXXXXXXX")) // where the argument was
	if string(x.Chunk) != "replaced" {
		t.Errorf("the chunk is %q: it is not a copy", x.Chunk)
	}
	id := g.regex("(l)(a)?", "")
	g.want(1, "response_replace_chunk", id, "[$1]", -1)
	g.wantText("rep[l]ced", "response_chunk") // replaced
	g.want(0, "response_replace_chunk", id, "", 0)
	g.want(0, "response_replace_chunk", g.regex("none", ""), "", -1)
	g.want(badArgument, "response_replace_chunk", id, "$3", -1)
	g.want(badArgument, "response_replace_chunk", 1000, "", -1)
	g.wantText("rep[l]ced", "response_chunk")
	x.ReplaceChunk(bytes.Repeat([]byte("a"), 100_000))
	g.want(noMemory, "response_replace_chunk", g.regex("a", ""), strings.Repeat("x", 1000), -1)
	if len(x.Chunk) != 100_000 {
		t.Errorf("the chunk that could not be replaced has %d bytes", len(x.Chunk))
	}
	g.want(done, "response_set_chunk", "")
	g.wantText("", "response_chunk")
}

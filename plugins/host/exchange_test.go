package host_test

import (
	"strings"
	"testing"
)

// Between requests an exchange forgets everything, and keeps no buffer that
// one request has made large.
func TestReset(t *testing.T) {
	x, _ := exchange()
	large := []byte("/" + strings.Repeat("x", 200<<10))
	x.SetURI([]byte("/first"))
	x.ReplaceChunk(large)
	x.Ended, x.Errors, x.Exec, x.EOF, x.Route, x.BytesSent, x.BodySent = true, true, []byte("/exec"), true, "r", 5, 4
	id := string(x.ID())
	if id != string(x.ID()) {
		t.Error("the id changes")
	}
	x.Reset()
	if x.Ended || x.Errors || len(x.Exec) > 0 || x.EOF || x.Route != "" || x.BytesSent != 0 || x.BodySent != 0 || x.Chunk != nil || len(x.OriginalURI) > 0 {
		t.Errorf("left is %+v", x)
	}
	if string(x.ID()) == id {
		t.Error("two requests have the same id")
	}
	x.ReplaceChunk([]byte("small"))
	if cap(x.Chunk) > 64<<10 {
		t.Errorf("a buffer of %d bytes is kept", cap(x.Chunk))
	}
}

func TestReceivedURI(t *testing.T) {
	x, _ := exchange()
	received := string(x.ReceivedURI())
	x.SetURI([]byte("/one"))
	x.SetURI([]byte("/two?b"))
	if got := string(x.ReceivedURI()); got != received || string(x.Request.Header.RequestURI()) != "/two?b" {
		t.Errorf("received %q, then %q; the request's is %q", received, got, x.Request.Header.RequestURI())
	}
}

func TestID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		x, _ := exchange()
		id := string(x.ID())
		if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || seen[id] {
			t.Fatalf("the id is %q", id)
		}
		seen[id] = true
	}
}

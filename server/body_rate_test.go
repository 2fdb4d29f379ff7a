package server

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// trickle sends a text byte by byte until somebody stops it.
func trickle(w io.Writer, text string, every time.Duration, stop <-chan struct{}) {
	for i := range len(text) {
		select {
		case <-stop:
			return
		case <-time.After(every):
			if _, err := io.WriteString(w, text[i:i+1]); err != nil {
				return
			}
		}
	}
}

// A body of which every byte comes in time, but all of them too slowly, is
// answered 408 before it is whole, whoever reads it.
func TestMinimumRate(t *testing.T) {
	const timeout = "[server.timeouts]\nbody = \"1s\"\n"
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})
	limited := start(t, "[server.limits]\nminimum_rate = \"1MiB\"\n"+timeout+walkConfig+upstreamRoute(peer))
	patient := start(t, "[server.limits]\nminimum_rate = 0\n"+timeout+walkConfig+upstreamRoute(peer))
	sized := "Content-Length: 80\n\n"
	chunks := "Transfer-Encoding: chunked\n\n"
	for name, test := range map[string]struct{ head, body string }{
		"a plugin":       {"POST /all HTTP/1.1\nHost: a\nDo: a.content:body\n" + sized, strings.Repeat("x", 80)},
		"access":         {"POST /all HTTP/1.1\nHost: a\nDo: a.access:body a.content:write:80\n" + sized, strings.Repeat("x", 80)},
		"chunks":         {"POST /all HTTP/1.1\nHost: a\nDo: a.content:body\n" + chunks, strings.Repeat("1\r\nx\r\n", 80) + "0\r\n\r\n"},
		"a peer":         {"POST /up HTTP/1.1\nHost: a\n" + sized, strings.Repeat("x", 80)},
		"a peer, chunks": {"POST /up HTTP/1.1\nHost: a\n" + chunks, strings.Repeat("1\r\nx\r\n", 80) + "0\r\n\r\n"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			for _, s := range []*testServer{limited, patient} {
				c := s.dial()
				c.send(test.head)
				stop := make(chan struct{})
				go trickle(c.Conn, test.body, 1600*time.Millisecond/time.Duration(len(test.body)), stop)
				r := c.receive("POST")
				close(stop)
				switch {
				case s == patient && (r.StatusCode != 200 || !strings.Contains(r.body, "80")):
					t.Errorf("without a limit: %d %q", r.StatusCode, r.body)
				case s == limited && (r.StatusCode != 408 || !r.Close):
					t.Errorf("with a limit: %d %q, close %v", r.StatusCode, r.body, r.Close)
				}
			}
		})
	}
}

func upstreamRoute(peer string) string {
	return fmt.Sprintf("[upstreams.app]\npeers = [%q]\n[routes.up]\nmatch = \"/up\"\nupstream = \"app\"\n", peer)
}

// Over HTTP/2 as well.
func TestMinimumRateHTTP2(t *testing.T) {
	s := startTLS(t, probesInFile+"[server.limits]\nminimum_rate = \"1MiB\"\n[server.timeouts]\nbody = \"500ms\"\n")
	r, w := io.Pipe()
	defer w.Close()
	stop := make(chan struct{})
	defer close(stop)
	go trickle(w, strings.Repeat("x", 1000), 10*time.Millisecond, stop)
	if answer := s.ask(s.http2Client(), "POST", "/all", "a.content:body", r); answer.StatusCode != 408 {
		t.Errorf("got %d %q", answer.StatusCode, answer.body)
	}
}

// A client whose body waits for the server is not slow.
func TestMinimumRateOfTheClientAlone(t *testing.T) {
	s := start(t, walkConfig+"[server.limits]\nminimum_rate = \"1MiB\"\n[server.timeouts]\nbody = \"200ms\"\n")
	c := s.dial()
	c.send("POST /all HTTP/1.1\nHost: a\nDo: a.access:sleep:400 a.content:body\nContent-Length: 5\n\nhello")
	if r := c.receive("POST"); r.StatusCode != 200 || r.body != "a read 5: hello" {
		t.Errorf("got %d %q", r.StatusCode, r.body)
	}
}

// What has come fast buys time for what comes slowly.
func TestBodyPatience(t *testing.T) {
	var c = loaded(t, fixedConfig).generation.Load().config.Server // 60s and 240B
	for _, test := range []struct {
		read         int64
		waited, want time.Duration
	}{
		{0, 0, time.Minute},
		{0, time.Second, 59 * time.Second},
		{239, time.Minute, 0},
		{240, time.Minute, time.Second},
		{2400, 30 * time.Second, 40 * time.Second},
		{1 << 20, time.Hour, time.Minute},
		{1 << 20, 2 * time.Hour, time.Minute + (1<<20/240)*time.Second - 2*time.Hour},
		{1 << 62, time.Hour, time.Minute},
	} {
		if got := (&body{read: test.read, waited: test.waited}).patience(&c); got != test.want {
			t.Errorf("after %d bytes in %v it is %v, want %v", test.read, test.waited, got, test.want)
		}
	}
	c.Limits.MinimumRate = 0
	if got := (&body{waited: time.Hour}).patience(&c); got != time.Minute {
		t.Errorf("without a limit it is %v", got)
	}
}

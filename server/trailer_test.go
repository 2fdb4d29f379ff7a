package server

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// told answers what a peer has been told of a request: body, announcement and
// trailer.
func told(w http.ResponseWriter, r *http.Request) {
	announced := []string{}
	for name := range r.Trailer {
		announced = append(announced, name)
	}
	slices.Sort(announced)
	body, err := io.ReadAll(r.Body)
	for name, values := range r.Trailer {
		if len(values) == 0 {
			delete(r.Trailer, name)
		}
	}
	fmt.Fprintf(w, "%s%v%v%v", body, announced, r.Trailer, err)
}

const trailerPlugin = "[plugins.probe]\nsource = \"probe\"\nconfig = {name = \"p\"}\n"

func trailerConfig(peer string) string {
	return trailerPlugin + strings.Replace(proxyConfig("", peer), `match = "/"`, "match = \"/\"\naccess = [\"probe\"]", 1)
}

// A request's trailer goes on as far as it is announced, and may stand behind a
// body.
func TestTrailersOfRequests(t *testing.T) {
	s := start(t, trailerConfig(peerOf(t, told)))
	for name, test := range map[string]struct{ headers, trailer, want string }{
		"announced":        {"Trailer: X-Sum, x-b\n", "X-Sum: 7\nX-B:\t8 \nX-B: 9\n", "ok[X-B X-Sum]map[X-B:[8 9] X-Sum:[7]]<nil>"},
		"not announced":    {"", "X-Sum: 7\n", "ok[]map[]<nil>"},
		"not all":          {"Trailer: X-Sum\n", "X-User: root\nX-Sum: 7\n", "ok[X-Sum]map[X-Sum:[7]]<nil>"},
		"none comes":       {"Trailer: X-Sum\n", "", "ok[X-Sum]map[]<nil>"},
		"forwarding":       {"Trailer: Forwarded, X-A\n", "X-Forwarded-For: 1.2.3.4\nForwarded: for=1.2.3.4\nX-A: 1\n", "ok[X-A]map[X-A:[1]]<nil>"},
		"upgrade":          {"Trailer: Upgrade, Cache-Control\n", "Upgrade: x\nCache-Control: y\n", "ok[]map[]<nil>"},
		"underscore":       {"Trailer: X_User\n", "X_User: root\n", "ok[]map[]<nil>"},
		"listed":           {"Connection: Trailer\nTrailer: X-Sum\n", "X-Sum: 7\n", "ok[]map[]<nil>"},
		"refused":          {"Trailer: X-Sum\nDo: p.access:reqheader:Trailer=\n", "X-Sum: 7\n", "ok[]map[]<nil>"},
		"changed":          {"Trailer: X-Sum, X-User\nDo: p.access:reqheader:Trailer=X-Sum\n", "X-Sum: 7\nX-User: root\n", "ok[X-Sum]map[X-Sum:[7]]<nil>"},
		"read by a plugin": {"Trailer: X-Sum\nDo: p.access:body\n", "X-Sum: 7\n", "ok[]map[]<nil>"},
	} {
		for _, together := range []bool{true, false} {
			c := s.dial()
			head, body := "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n"+test.headers+"\n", "2\nok\n0\n"+test.trailer+"\n"
			if together {
				c.send(head + body)
			} else {
				c.send(head)
				c.send(body)
			}
			r := c.receive("POST")
			if got := strings.TrimPrefix(r.body, "p read 2: ok"); r.StatusCode != 200 || got != test.want {
				t.Errorf("%s: %d %q, want %q", name, r.StatusCode, got, test.want)
			}
			c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n0\n\n") // nothing is left of the one before
			if r := c.receive("POST"); r.body != "[X-Sum]map[]<nil>" {
				t.Errorf("%s: and then %q", name, r.body)
			}
		}
	}
}

// A trailer is bounded as heads are, and what is none breaks the request.
func TestMalformedTrailersOfRequests(t *testing.T) {
	s := start(t, "[server.limits]\nheaders = 5\nheader_size = \"1KiB\"\n"+proxyConfig("", peerOf(t, told)))
	for _, trailer := range []string{
		strings.Repeat("X: y\n", 6), "X: " + strings.Repeat("y", 1100) + "\n", strings.Repeat("X: "+strings.Repeat("y", 400)+"\n", 3),
		"X : y\n", "X\n", ": y\n", " X: y\n", "X: y\x00\n", "X: y\rz\n",
	} {
		c := s.dial()
		c.send("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: X\n\n2\nok\n0\n" + trailer + "\nGET /next HTTP/1.1\nHost: a\n\n")
		if r := c.receive("POST"); r.StatusCode != 400 || !c.closed() {
			t.Errorf("%.30q: %d %q", trailer, r.StatusCode, r.body)
		}
	}
	if g := s.group("app").State().Peers[0]; g.Failures != 0 || g.Connections != 0 {
		t.Errorf("the peer gets the blame: %+v", g)
	}
}

// Trailers of HTTP/2 reach a peer as well.
func TestTrailersOfHTTP2Requests(t *testing.T) {
	s := startTLS(t, proxyConfig("", peerOf(t, told)))
	r, err := http.NewRequestWithContext(t.Context(), "POST", "https://"+s.address+"/", io.MultiReader(strings.NewReader("ok"))) // of unknown length
	if err != nil {
		t.Fatal(err)
	}
	r.Trailer = http.Header{"X-Sum": {"7"}, "Forwarded": {"for=1.2.3.4"}}
	answer, err := s.http2Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); string(body) != "ok[X-Sum]map[X-Sum:[7]]<nil>" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
}

// So do those of responses clients of HTTP/2, but for what is no field of a
// trailer.
func TestTrailersToHTTP2Clients(t *testing.T) {
	s := startTLS(t, proxyConfig("", peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/plain" {
			fmt.Fprint(w, "ok")
			return
		}
		w.Header().Set("Trailer", "X-Sum, X-User")
		fmt.Fprint(w, "ok")
		w.Header()["X-Sum"] = []string{"7", "8"}
		w.Header().Set(http.TrailerPrefix+"Content-Encoding", "gzip")
	})))
	c := s.http2Client()
	for path, want := range map[string]string{"/": "map[X-Sum:[7 8]]", "/plain": "map[]"} {
		if r := s.ask(c, "GET", path, "", nil); r.body != "ok" || fmt.Sprint(r.Trailer) != want {
			t.Errorf("%s: %q, %v", path, r.body, r.Trailer)
		}
	}
	if r := s.ask(c, "HEAD", "/", "", nil); len(r.Trailer) > 0 {
		t.Errorf("HEAD: %v", r.Trailer)
	}
}

// The case of a name makes no other field of it.
func TestTrailersToHTTP2ClientsInAnyCase(t *testing.T) {
	s := startTLS(t, proxyConfig("", rawPeer(t, answers("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\nx-sum: 7\nX-SUM: 8\nX-Sum: 9\n\n"))))
	if r := s.ask(s.http2Client(), "GET", "/", "", nil); r.body != "ok" || fmt.Sprint(r.Trailer) != "map[X-Sum:[7 8 9]]" {
		t.Errorf("%q, %v", r.body, r.Trailer)
	}
}

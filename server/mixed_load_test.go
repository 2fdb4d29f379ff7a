package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mixedTime is how long TestMixedLoad runs:
//
//	go test -run MixedLoad -timeout 3h ./server -mixed 1h
var mixedTime = flag.Duration("mixed", 4*time.Second, "how long TestMixedLoad runs")

// Clients of all manners at once, on routes that answer at once, wait, compute,
// proxy and send files, while the configuration and the number of cores change:
// everybody gets his own answer, whole and in order, and nothing is left of them.
func TestMixedLoad(t *testing.T) {
	peer := peerOf(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body)%2 == 1 {
			w.(http.Flusher).Flush() // in chunks
		}
		fmt.Fprintf(w, "%s %d", r.Header.Get("Token"), len(body))
	})
	dir := t.TempDir()
	config := func(workers int) string {
		return fmt.Sprintf("[server]\nworkers = %d\n[server.log]\nlevel = \"warn\"\nfile = \"server.log\"\n[server.timeouts]\nidle = \"3s\"\n", workers) +
			probesInFile + "[routes.fast]\nmatch = \"/fast\"\ncontent = \"b\"\n" +
			"[routes.own]\nmatch = \"/own/\"\nstatic = \"" + dir + "/www\"\n" + upstreamRoute(peer)
	}
	if err := os.Mkdir(filepath.Join(dir, "www"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := strings.Repeat("0123456789abcdef", 20_000)
	if err := os.WriteFile(filepath.Join(dir, "www", "file.txt"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	writeConfig(t, dir, config(1))
	s := startFileIn(t, dir)
	s.get("/up", "Token: t") // the peer's connections and the plugins' instances
	stop := make(chan struct{})
	time.AfterFunc(*mixedTime, func() { close(stop) })
	var asking sync.WaitGroup
	var answers atomic.Int64
	for i := range 24 {
		asking.Go(func() {
			m := &mixed{s: s, file: file, random: rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano())))}
			for n := 0; !t.Failed(); n++ {
				select {
				case <-stop:
					m.hangUp()
					answers.Add(int64(m.answers))
					return
				default:
					if err := m.ask(fmt.Sprintf("%d-%d", i, n)); err != nil {
						t.Errorf("client %d: %v", i, err)
					}
				}
			}
		})
	}
	reloads := 0
	for running := true; running && !t.Failed(); reloads++ {
		s.write(config(1 + reloads%2))
		s.reload()
		select {
		case <-stop:
			running = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	asking.Wait()
	t.Logf("%d answers, %d reloads", answers.Load(), reloads)
	waitFor(t, "connections to end", func() bool { return s.connections() == 0 })
	s.waitForGenerations(1)
	if n := s.metrics.panics.Get(); n > 0 {
		t.Errorf("%d panics", n)
	}
}

// mixed is a client of TestMixedLoad.
type mixed struct {
	s       *testServer
	file    string
	random  *rand.Rand
	c       *client // nil where it has hung up
	answers int
}

// asked is a request, and what its answer has to be.
type asked struct{ text, want string }

// request is one of any kind. Its answer has the token, wherever there is room.
func (m *mixed) request(token string) asked {
	get := func(path, headers, want string) asked {
		return asked{"GET " + path + " HTTP/1.1\r\nHost: a\r\nToken: " + token + "\r\n" + headers + "\r\n", want}
	}
	body := strings.Repeat("b", m.random.IntN(20)*m.random.IntN(3000))
	post := func(path, headers, want string) asked {
		if m.random.IntN(2) == 0 {
			return asked{fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nToken: %s\r\n%sContent-Length: %d\r\n\r\n%s", path, token, headers, len(body), body), want}
		}
		chunk := ""
		if len(body) > 0 {
			chunk = fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
		}
		return asked{fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nToken: %s\r\n%sTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n", path, token, headers, chunk), want}
	}
	switch m.random.IntN(9) {
	case 0, 1:
		return get("/fast", "Do: b.content:write:"+token+"\r\n", token)
	case 2:
		return get("/all", "Do: a.content:write:"+token+"\r\n", token)
	case 3:
		return get("/all", fmt.Sprintf("Do: a.content:sleep:%d b.access:sleep:1 a.content:write:%s\r\n", m.random.IntN(8), token), token)
	case 4:
		size := m.random.IntN(400_000)
		return get("/fast", fmt.Sprintf("Do: b.content:write:%s b.content:flush b.content:writes:%d\r\n", token, size), token+strings.Repeat("x", size))
	case 5:
		return get("/own/file.txt", "", m.file)
	case 6:
		return post("/up", "", fmt.Sprintf("%s %d", token, len(body)))
	case 7:
		return get("/up", "", token+" 0")
	default:
		return post("/fast", "Do: b.content:body\r\n", fmt.Sprintf("b read %d: %s", len(body), body[:min(len(body), 40)]))
	}
}

// ask sends some requests, in one of the manners there are, and reads the answers.
func (m *mixed) ask(token string) error {
	if m.c == nil {
		m.c = m.s.dial()
	}
	m.c.SetDeadline(time.Now().Add(time.Minute))
	var all []asked
	var text strings.Builder
	for n := range 1 + m.random.IntN(2)*m.random.IntN(8) {
		q := m.request(fmt.Sprintf("%s-%d", token, n))
		all = append(all, q)
		text.WriteString(q.text)
	}
	manner := m.random.IntN(12)
	if manner == 0 { // it leaves, at any point
		m.c.Write([]byte(text.String()[:m.random.IntN(text.Len()+1)]))
		m.hangUp()
		return nil
	}
	sent := make(chan struct{})
	go func(c net.Conn, text string) { // a pipeline's answers may not fit the sockets
		defer close(sent)
		for pieces := manner % 3; pieces > 0; pieces-- {
			cut := len(text) / (1 + pieces)
			c.Write([]byte(text[:cut]))
			text = text[cut:]
			time.Sleep(time.Duration(pieces) * time.Millisecond)
		}
		c.Write([]byte(text))
		if manner == 1 {
			c.(*net.TCPConn).CloseWrite()
		}
	}(m.c.Conn, text.String())
	closes := false
	for i, q := range all {
		r, err := http.ReadResponse(m.c.r, nil)
		if err != nil {
			return fmt.Errorf("no answer %d of %d to %.80q: %w", i, len(all), q.text, err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 || string(body) != q.want {
			return fmt.Errorf("%.80q got %d, %d bytes %.40q instead of %d bytes %.40q (%v)", q.text, r.StatusCode, len(body), body, len(q.want), q.want, err)
		}
		m.answers++
		if closes = r.Close; closes {
			break // what follows in the pipeline is not answered
		}
	}
	if !closes && manner != 1 {
		<-sent
		return nil
	}
	if _, err := m.c.r.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the connection stays open (%v)", err)
	}
	m.hangUp()
	return nil
}

func (m *mixed) hangUp() {
	if m.c != nil {
		m.c.Close()
		m.c = nil
	}
}

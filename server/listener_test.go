package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/trace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// listening is a configuration that listens on these addresses, the first of
// which is the admin listener's.
func listening(admin string, addresses ...string) string {
	text := answering("well")
	if admin != "" {
		text += fmt.Sprintf("[admin]\naddress = %q\n", admin)
	}
	for i, a := range addresses {
		name := "main"
		if i > 0 {
			name = fmt.Sprint("l", i)
		}
		text += fmt.Sprintf("[listeners.%s]\naddress = %q\n", name, a)
	}
	return text
}

// answersAt tells whether the server answers at that address.
func answersAt(address string) bool {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(nc)
	return err == nil && strings.HasSuffix(string(answer), "well")
}

// opensOrCloses waits until the server answers at that address, or no more. A
// listener that ends serves what is in the kernel's queue until nothing has come
// for some milliseconds: who looks every millisecond keeps it open.
func opensOrCloses(address string, open bool) bool {
	return eventually(func() bool {
		if answersAt(address) == open {
			return true
		}
		time.Sleep(50 * time.Millisecond)
		return false
	})
}

// A reload opens what is new, closes what has gone and leaves the rest open.
func TestReloadListeners(t *testing.T) {
	a, b, c := freeAddress(t), freeAddress(t), freeAddress(t)
	s := startFile(t, listening("127.0.0.1:0", a, b))
	kept := s.dial()
	kept.ask()
	for _, step := range []struct {
		open []string
		want [3]bool
	}{
		{[]string{a, c}, [3]bool{true, false, true}},
		{[]string{c}, [3]bool{false, false, true}},
		{[]string{c, b, a}, [3]bool{true, true, true}},
		{[]string{b, "127.0.0.1:0", "127.0.0.1:0"}, [3]bool{false, true, false}},
		{[]string{"127.0.0.1:0", b, "127.0.0.1:0"}, [3]bool{false, true, false}},
		{[]string{a}, [3]bool{true, false, false}},
	} {
		s.write(listening("127.0.0.1:0", step.open...))
		before := s.Addresses()
		s.reload()
		for i, address := range []string{a, b, c} {
			want := step.want[i]
			if !opensOrCloses(address, want) {
				t.Errorf("with %v: %s answers %v", step.open, address, !want)
			}
		}
		for i, address := range s.Addresses() {
			if open := step.open[i]; open != "127.0.0.1:0" && address.String() != open {
				t.Errorf("with %v: listener %d is at %v", step.open, i, address)
			}
		}
		if len(step.open) == 3 && step.open[0] == "127.0.0.1:0" {
			if after := s.Addresses(); after[0] != before[1] || after[2] != before[2] {
				t.Errorf("listeners with port 0 have moved from %v to %v", before, after)
			}
		}
		if got := kept.ask(); got != "well" {
			t.Errorf("with %v: an open connection got %q", step.open, got)
		}
	}
}

// A configuration that cannot listen everywhere opens nothing.
func TestReloadListenersAllOrNone(t *testing.T) {
	a, b := freeAddress(t), freeAddress(t)
	s := startFile(t, listening("127.0.0.1:0", a))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s.write(listening("127.0.0.1:0", b, taken.Addr().String()))
	if err := s.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), ": listeners.l1.address: cannot listen on "+taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if answersAt(b) || !answersAt(a) {
		t.Error("the listeners are not those from before")
	}
}

// Connections in the kernel's queue survive a reload of an address that stays:
// each client that connects is served.
func TestReloadLosesNoConnection(t *testing.T) {
	address := freeAddress(t)
	s := startFile(t, listening("127.0.0.1:0", address))
	stop := make(chan struct{})
	var dialling sync.WaitGroup
	for range 4 {
		dialling.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if !answersAt(address) {
						t.Error("a connection was lost")
						return
					}
				}
			}
		})
	}
	for begin := time.Now(); time.Since(begin) < time.Second; {
		s.reload()
	}
	close(stop)
	dialling.Wait()
}

// The answer to a reload reaches the operator, wherever the admin listener has
// gone.
func TestReloadAdmin(t *testing.T) {
	a, b, main := freeAddress(t), freeAddress(t), freeAddress(t)
	s := startFile(t, listening(a, main))
	post := func(address string) (int, error) {
		q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+"/reload", nil)
		if err != nil {
			return 0, err
		}
		q.Close = true
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			return 0, err
		}
		defer r.Body.Close()
		io.Copy(io.Discard, r.Body)
		return r.StatusCode, nil
	}
	profile := make(chan int, 1)
	go func() {
		defer close(profile)
		r, err := http.Get("http://" + a + "/debug/pprof/trace?seconds=1")
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Body.Close()
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		profile <- int(n)
	}()
	waitFor(t, "the trace to begin", trace.IsEnabled)
	for _, step := range []struct{ from, to string }{{a, b}, {b, a}, {a, a}, {a, b}} {
		s.write(listening(step.to, main))
		if status, err := post(step.from); status != 200 {
			t.Errorf("from %s to %s: %d, %v", step.from, step.to, status, err)
		}
		if got := s.AdminAddress().String(); got != step.to {
			t.Errorf("the admin listener is at %s, not %s", got, step.to)
		}
		if step.from != step.to {
			if !eventually(func() bool { _, err := post(step.from); return errors.Is(err, syscall.ECONNREFUSED) }) {
				t.Errorf("%s is still open", step.from)
			}
		}
	}
	if n := <-profile; n == 0 {
		t.Error("a trace that was being taken is empty")
	}
	// startFile adds an admin listener to a text without one.
	if err := os.WriteFile(s.dir+"/config.toml", []byte(listening("", main)), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, err := post(b); status != 200 {
		t.Errorf("without an admin listener: %d, %v", status, err)
	}
	if s.AdminAddress() != nil {
		t.Errorf("there is one at %v", s.AdminAddress())
	}
	s.write(listening(b, main))
	// Meanwhile any client of this machine's may have been given the port.
	if !eventually(func() bool { return s.Reload(t.Context()) == nil }) {
		t.Fatal("cannot listen again")
	}
	if status, err := post(b); status != 200 {
		t.Errorf("with one again: %d, %v", status, err)
	}
}

// Who is connected when the server begins to stop is served, also where the
// server has not accepted the connection yet.
func TestStopServesWhoIsConnected(t *testing.T) {
	for range 20 {
		s := start(t, fixedConfig)
		var clients []*client
		for range 20 {
			c := s.dial()
			c.send("GET /hello HTTP/1.1\nHost: a\n\n")
			clients = append(clients, c)
		}
		stopped := make(chan struct{})
		go func() { s.stop(); close(stopped) }()
		for i, c := range clients {
			if r := c.receive("GET"); r.body != "hello\n" {
				t.Fatalf("client %d got %d %q", i, r.StatusCode, r.body)
			}
			c.Close()
		}
		<-stopped
	}
}

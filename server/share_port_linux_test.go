package server

import (
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"phasm/server/config"
)

// sharing is a configuration that answers with a word at an address that others
// may listen on as well.
func sharing(address, word string) string {
	return answering(word) + "[listeners.main]\naddress = \"" + address + "\"\nreuseport = true\n"
}

// Two servers listen on one address, and when one of them stops no client
// notices.
func TestSharedPort(t *testing.T) {
	one := startFile(t, sharing("127.0.0.1:0", "one"))
	sockets := one.sockets.listeners[0].sockets
	if len(sockets) != runtime.GOMAXPROCS(0) {
		t.Errorf("%d sockets for %d cores", len(sockets), runtime.GOMAXPROCS(0))
	}
	for _, socket := range sockets {
		if socket.Addr().String() != one.address {
			t.Errorf("a socket is at %s, not %s", socket.Addr(), one.address)
		}
	}
	two := startFile(t, sharing(one.address, "two"))
	answers := map[string]int{}
	ask := func() string {
		nc, err := net.Dial("tcp", one.address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		io.WriteString(nc, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(nc)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer[len(answer)-3:])
	}
	for n := 0; n < 1000 && len(answers) < 2; n++ {
		answers[ask()]++
	}
	if answers["one"] == 0 || answers["two"] == 0 {
		t.Errorf("the answers are %v", answers)
	}
	one.reload()
	if after := one.sockets.listeners[0].sockets; after[0] != sockets[0] {
		t.Error("a reload has opened the address anew")
	}
	one.stop()
	for range 50 {
		if got := ask(); got != "two" {
			t.Fatalf("with one server gone the answer is %q", got)
		}
	}
	two.stop()
}

// Whether a port is shared is settled when it is opened.
func TestReloadSharedPort(t *testing.T) {
	address := freeAddress(t)
	for _, texts := range [][2]string{
		{listening("127.0.0.1:0", address), sharing(address, "well")},
		{sharing(address, "well"), listening("127.0.0.1:0", address)},
	} {
		s := startFile(t, texts[0])
		s.write(texts[1])
		err := s.Reload(t.Context())
		if err == nil || !strings.Contains(err.Error(), ": listeners.main.address: cannot listen on "+address+": it is open already, and only a restart changes reuseport") {
			t.Errorf("got %v", err)
		}
		if !answersAt(address) {
			t.Error("there is no answer any more")
		}
		s.stop()
	}
}

// A port that somebody has to himself cannot be shared.
func TestSharedPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c, err := config.Parse(filepath.Join("testdata", "test.toml"), []byte(sharing(taken.Addr().String(), "well")))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
}

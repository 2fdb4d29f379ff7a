package server

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const haproxyConfig = `
global
	maxconn 100
defaults
	mode tcp
	timeout connect 5s
	timeout client 20s
	timeout server 20s
	timeout check 20s
frontend one
	bind fd@3
	default_backend one
backend one
	server phasm %[1]s send-proxy check inter 50ms fall 1000
frontend two
	bind fd@4
	default_backend two
backend two
	option httpchk GET /checked
	server phasm %[1]s send-proxy-v2 proxy-v2-options unique-id,crc32c check check-send-proxy inter 50ms fall 1000
`

// HAProxy passes on bytes, in both versions of its protocol, and looks now and
// then whether phasm is there: by a connection without a word, and by a request
// of its own.
func TestProxyProtocolOfHAProxy(t *testing.T) {
	const haproxy = "/usr/sbin/haproxy"
	requireCommand(t, haproxy)
	s := startFronted(t, probesInFile+"[server.access_log]\nfile = \"access.log\"\n")
	dir := t.TempDir()
	writeFile(t, dir, "haproxy.cfg", fmt.Sprintf(haproxyConfig, s.address))
	cmd := exec.Command(haproxy, "-db", "-f", filepath.Join(dir, "haproxy.cfg"))
	var frontends []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		frontends = append(frontends, l.Addr().String())
		cmd.ExtraFiles = append(cmd.ExtraFiles, file) // a port that is free may be somebody else's soon
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}} // which phasm does not trust
	for _, address := range frontends {
		nc, err := from.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := newClient(t, nc)
		for range 2 {
			c.send(whoAmI)
			_, port, _ := net.SplitHostPort(nc.LocalAddr().String())
			if r := c.receive("GET"); r.body != "remote_addr=127.0.0.9\nremote_port="+port+"\n" {
				t.Errorf("got %d %q", r.StatusCode, r.body)
			}
		}
	}
	already := s.lastConn.Load()
	waitFor(t, "HAProxy to look whether phasm is there", func() bool { return s.lastConn.Load() > already+10 })
	if s.count("closed a connection") > 0 {
		t.Error("what HAProxy sends is refused")
	}
	waitFor(t, "a request of HAProxy's own", func() bool {
		log, err := os.ReadFile(filepath.Join(s.dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, `"/checked"`) && strings.Contains(line, `"127.0.0.1"`) {
				return true
			}
		}
		return false
	})
}

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
	bind %[1]s
	default_backend one
backend one
	server phasm %[3]s send-proxy check inter 50ms fall 1000
frontend two
	bind %[2]s
	default_backend two
backend two
	option httpchk GET /checked
	server phasm %[3]s send-proxy-v2 proxy-v2-options unique-id,crc32c check check-send-proxy inter 50ms fall 1000
`

// HAProxy passes on bytes, in both versions of its protocol, and looks now and
// then whether phasm is there: by a connection without a word, and by a request
// of its own.
func TestProxyProtocolOfHAProxy(t *testing.T) {
	const haproxy = "/usr/sbin/haproxy"
	requireCommand(t, haproxy)
	s := startFronted(t, probesInFile+"[server.access_log]\nfile = \"access.log\"\n")
	one, two, dir := freeAddress(t), freeAddress(t), t.TempDir()
	writeFile(t, dir, "haproxy.cfg", fmt.Sprintf(haproxyConfig, one, two, s.address))
	cmd := exec.Command(haproxy, "-db", "-f", filepath.Join(dir, "haproxy.cfg"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}} // which phasm does not trust
	for _, address := range []string{one, two} {
		var nc net.Conn
		waitFor(t, "HAProxy to listen", func() (ok bool) {
			var err error
			nc, err = from.DialContext(t.Context(), "tcp", address)
			return err == nil
		})
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

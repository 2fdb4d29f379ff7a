package server

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const nginxConfig = `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
	log_format passed_on "$upstream_addr $upstream_status $status $request";
	access_log access.log passed_on;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	keepalive_timeout 5s;
	upstream phasm {
		server %[2]s;
		keepalive 1;
	}
	server {
		listen %[1]s;
		underscores_in_headers on;
		ignore_invalid_headers off;
		location / {
			proxy_pass http://phasm;
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_next_upstream off;
			proxy_ignore_client_abort on;
			proxy_set_header Host $http_host;
			proxy_set_header Connection "";
		}
	}
}
`

// startNginx runs nginx in front of an address until the test ends. It answers
// its own address and the directory that its logs are in.
func startNginx(t *testing.T, behind string) (address, dir string) {
	t.Helper()
	const nginx = "/usr/sbin/nginx"
	requireCommand(t, nginx)
	address, dir = freeAddress(t), t.TempDir()
	writeFile(t, dir, "nginx.conf", fmt.Sprintf(nginxConfig, address, behind))
	cmd := exec.Command(nginx, "-p", dir, "-c", "nginx.conf", "-e", "error.log")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	waitFor(t, "nginx to listen", func() bool {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return address, dir
}

// With a real nginx in front, over one connection between the two, each
// malformed request is one request to phasm or none, as nginx meant it.
func TestHygieneBehindNginx(t *testing.T) {
	s := start(t, hygieneConfig)
	address, dir := startNginx(t, s.address)
	for _, test := range hygieneCases(t) {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(2 * time.Second))
		io.WriteString(nc, test.request+"GET /canary HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
		nc.Close()
	}
	var meant, seen int
	if !eventually(func() bool {
		log, err := os.ReadFile(filepath.Join(dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		meant, seen = strings.Count(string(log), s.address), int(s.answered())
		return meant == seen
	}) {
		log, _ := os.ReadFile(filepath.Join(dir, "access.log"))
		errors, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		t.Errorf("nginx passed on %d requests, and phasm saw %d:\n%s\n%s", meant, seen, log, errors)
	}
	if meant < 100 {
		t.Errorf("nginx passed on only %d requests", meant)
	}
}

// answered counts all requests that the server has answered, refused ones
// included.
func (s *testServer) answered() (n uint64) {
	for _, r := range s.generation.Load().all {
		for method := range r.metrics.requests {
			for code := range r.metrics.requests[method] {
				if c := r.metrics.requests[method][code].Load(); c != nil {
					n += c.Get()
				}
			}
		}
	}
	return n
}

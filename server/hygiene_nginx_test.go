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

// nginxConfig is around what an nginx has in http.
const nginxConfig = `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
%s}
`

// nginxInFront has nginx pass on what it gets to an address.
const nginxInFront = `
	log_format passed_on "$upstream_addr $upstream_status $status $request";
	access_log access.log passed_on;
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
`

// startNginx runs nginx on an address until the test ends, with modules and
// with these lines in http. It answers the directory that its logs are in.
func startNginx(t *testing.T, address, http string, modules ...string) (dir string) {
	t.Helper()
	const nginx = "/usr/sbin/nginx"
	requireCommand(t, nginx)
	dir = t.TempDir()
	var loads strings.Builder
	for _, module := range modules {
		path := "/usr/lib/nginx/modules/" + module + ".so"
		if _, err := os.Stat(path); err != nil {
			requireCommand(t, path) // says what to do
		}
		fmt.Fprintf(&loads, "load_module %s;\n", path)
	}
	writeFile(t, dir, "nginx.conf", loads.String()+fmt.Sprintf(nginxConfig, http))
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
	return dir
}

// With a real nginx in front, over one connection between the two, each
// malformed request is one request to phasm or none, as nginx meant it.
func TestHygieneBehindNginx(t *testing.T) {
	s := start(t, hygieneConfig)
	address := freeAddress(t)
	dir := startNginx(t, address, fmt.Sprintf(nginxInFront, address, s.address))
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

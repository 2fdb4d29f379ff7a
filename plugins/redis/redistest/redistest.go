// Package redistest starts real Redis servers for tests, on free ports of the
// loopback interface: single ones, clusters, and pairs watched by sentinels.
// Each is stopped by its process id when the test ends.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is a running Redis.
type Server struct {
	// Address is host:port.
	Address string

	t       testing.TB
	dir     string
	args    []string
	process *exec.Cmd
	exited  chan struct{}
}

// patience is how long a server may take to start, or to become what a test
// waits for. The machine may be busy.
const patience = 30 * time.Second

// Start starts a server with arguments of redis-server's, such as "--maxmemory",
// "1mb". Without a redis-server on the machine the test is skipped, in CI it
// fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), args: args, Address: freeAddress(t)}
	s.Restart()
	t.Cleanup(s.Kill)
	return s
}

// StartTLS starts a server that speaks only TLS and asks clients for a
// certificate. What trusts cert is trusted.
func StartTLS(t testing.TB, cert, key string) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), Address: freeAddress(t)}
	s.run("--port", "0", "--tls-port", s.Port(), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir,
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	t.Cleanup(s.Kill)
	return s
}

// executable is where redis-server is.
func executable(t testing.TB) string {
	t.Helper()
	const name = "redis-server"
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("there is no %s: install the package %s", name, name)
	}
	t.Skipf("there is no %s: install the package %s", name, name)
	return ""
}

// freeAddress is one that nobody listens on. Ports of clusters' own traffic lie
// 10000 above, so it is not among the highest.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if l.Addr().(*net.TCPAddr).Port < 55000 {
			return l.Addr().String()
		}
	}
	t.Fatal("no free port below 55000")
	return ""
}

// Port is the server's port.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.Address)
	return port
}

// Restart starts the server again, after Kill, at the same address and with
// nothing in it. It comes back once the server answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.run(append([]string{"--port", s.Port(), "--bind", "127.0.0.1", "--save", "", "--dir", s.dir, "--enable-debug-command", "yes"}, s.args...)...)
}

func (s *Server) run(args ...string) {
	s.t.Helper()
	s.process = exec.Command(executable(s.t), args...)
	output, err := s.process.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.process.Stderr = s.process.Stdout
	if err := s.process.Start(); err != nil {
		s.t.Fatalf("cannot start redis-server: %v", err)
	}
	ready, exited := make(chan string, 1), make(chan struct{})
	s.exited = exited
	process := s.process
	go func() {
		defer close(exited)
		var said strings.Builder
		for lines := bufio.NewScanner(output); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "eady to accept connections") || strings.Contains(lines.Text(), "Sentinel ID is") {
				select {
				case ready <- "":
				default:
				}
			}
		}
		process.Wait()
		select {
		case ready <- said.String():
		default:
		}
	}()
	select {
	case said := <-ready:
		if said != "" {
			s.t.Fatalf("redis-server has ended: %s", said)
		}
	case <-time.After(patience):
		s.t.Fatalf("redis-server is not ready after %v", patience)
	}
}

// Kill ends the server at once, and comes back when it has ended.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	s.process.Process.Signal(syscall.SIGKILL)
	<-s.exited
	s.process = nil
}

// Pause stops the server without ending it: connections stay, nothing is
// answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(what os.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(what); err != nil {
		s.t.Fatal(err)
	}
}

// Do runs a command on a connection of its own and answers the first line of
// the reply, or the text of a bulk string.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(arg), arg)
	}
	c.Write(b.Bytes())
	r := bufio.NewReader(c)
	line, err := r.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%q: %v", args, err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	if n, err := strconv.Atoi(strings.TrimPrefix(line, "$")); err == nil && line[0] == '$' && n >= 0 {
		text := make([]byte, n)
		for read := 0; read < n; {
			m, err := r.Read(text[read:])
			if err != nil {
				s.t.Fatalf("%q: %v", args, err)
			}
			read += m
		}
		return string(text)
	}
	return line
}

// Await asks until the answer contains a text.
func (s *Server) Await(text string, args ...string) {
	s.t.Helper()
	answer := ""
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(20 * time.Millisecond) {
		if answer = s.Do(args...); strings.Contains(answer, text) {
			return
		}
	}
	s.t.Fatalf("%q answers %q, never %q", args, answer, text)
}

// Cluster starts a cluster of three masters.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	var nodes []*Server
	for range 3 {
		nodes = append(nodes, Start(t, "--cluster-enabled", "yes"))
	}
	const slots = 16384
	for i, node := range nodes {
		node.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/3), strconv.Itoa((i+1)*slots/3-1))
		node.Do("CLUSTER", "MEET", "127.0.0.1", nodes[0].Port())
	}
	for _, node := range nodes {
		node.Await("cluster_known_nodes:3", "CLUSTER", "INFO")
		node.Await("cluster_state:ok", "CLUSTER", "INFO")
	}
	return nodes
}

// Sentinels starts a master and its replica, and a sentinel that watches them
// under the name "main".
func Sentinels(t testing.TB) (master, replica, sentinel *Server) {
	t.Helper()
	master = Start(t, "--repl-diskless-sync-delay", "0")
	replica = Start(t, "--replicaof", "127.0.0.1 "+master.Port(), "--repl-diskless-sync-delay", "0")
	replica.Await("master_link_status:up", "INFO", "replication")
	sentinel = &Server{t: t, dir: t.TempDir(), Address: freeAddress(t)}
	file := filepath.Join(sentinel.dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 %s 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n",
		sentinel.Port(), master.Port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.run(file, "--sentinel")
	t.Cleanup(sentinel.Kill)
	sentinel.Await("slaves=1", "INFO", "sentinel")
	return master, replica, sentinel
}

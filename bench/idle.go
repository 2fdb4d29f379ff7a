package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"

	"golang.org/x/sys/unix"
)

// idle is what connections cost that wait for their next request.
type idle struct {
	Connections int
	Phasm       int // bytes each, of the server's memory
	OpenResty   int
}

// measureIdle has many connections ask for hello once and then wait.
func measureIdle(hello *workload, b binaries, connections int) (r idle, err error) {
	if err := raiseFileLimit(connections + 1000); err != nil {
		return r, err
	}
	s, err := newStage(hello, b, false)
	if err != nil {
		return r, err
	}
	defer s.close()
	r.Connections = connections
	if r.Phasm, err = idleBytes(s, s.phasm, s.Phasm, connections); err != nil {
		return r, fmt.Errorf("phasm: %w", err)
	}
	if r.OpenResty, err = idleBytes(s, s.openresty, s.OpenResty, connections); err != nil {
		return r, fmt.Errorf("OpenResty: %w", err)
	}
	return r, nil
}

// notCounted is how many connections there are first: what serving takes in itself
// is there then. More at once would leave memory that is given back meanwhile.
const notCounted = 100

// idleBytes is what each of the connections adds to a server's memory once all
// of them have had an answer.
func idleBytes(s *stage, server *process, address string, connections int) (int, error) {
	before := 0
	open := make([]net.Conn, 0, notCounted+connections)
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for n := range notCounted + connections {
		if n == notCounted {
			before = server.resident()
		}
		c, err := net.Dial("tcp", address)
		if err != nil {
			return 0, err
		}
		open = append(open, c)
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			return 0, err
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return 0, err
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != s.workload.Status {
			return 0, fmt.Errorf("status %d, %v", answer.StatusCode, err)
		}
	}
	return (server.resident() - before) / connections, nil
}

// raiseFileLimit lets the suite, and what it starts, have so many files open.
func raiseFileLimit(n int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= uint64(n) {
		return err
	}
	if limit.Cur = limit.Max; limit.Max < uint64(n) {
		return fmt.Errorf("%d files may be open here, and %d are needed: ulimit -n %[2]d", limit.Max, n)
	}
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

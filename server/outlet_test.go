package server

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// Bodies of all sizes around that of the connection's buffer, and some that are
// larger than what a socket takes, come whole, one behind the other: from a loop, from a
// goroutine, and to a client that reads slowly.
func TestBodiesBehindTheBuffer(t *testing.T) {
	config := ""
	bodies := map[int]string{}
	for _, size := range []int{1, 100, writeBuffer - 300, writeBuffer - 200, writeBuffer - 100, writeBuffer - 1, writeBuffer, writeBuffer + 1, 3 * writeBuffer, chunkSize, atOnceOrSo, 1 << 20} {
		bodies[size] = strings.Repeat(fmt.Sprintf("%07d ", size), size/8+1)[:size]
		config += fmt.Sprintf("[routes.r%d]\nmatch = \"/%[1]d\"\nrespond = {body = %q}\n", size, bodies[size])
	}
	s := start(t, config)
	sizes := []int{}
	for size := range bodies {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	for name, dial := range map[string]func() *client{
		"loop": s.dial,
		"goroutine": func() *client {
			client, nc := net.Pipe()
			go s.ServeConn(nc)
			t.Cleanup(func() { client.Close() })
			return newClient(t, client)
		},
	} {
		c := dial()
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			tcp.SetReadBuffer(256 << 10)
		}
		var requests strings.Builder
		for range 5 {
			for _, size := range sizes {
				fmt.Fprintf(&requests, "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", size)
			}
		}
		go io.WriteString(c.Conn, requests.String())
		for range 5 {
			for _, size := range sizes {
				if r := c.receive("GET"); r.body != bodies[size] {
					t.Fatalf("%s: instead of %d bytes come %d, or others", name, size, len(r.body))
				}
			}
		}
	}
}

// atOnceOrSo is more than is written at once.
const atOnceOrSo = 150 << 10

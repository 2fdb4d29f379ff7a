package httpclient

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"phasm/sdk/abi"
)

// A response that has no body has nothing to decompress, whatever its head says.
func TestDecompressNothing(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", r.URL.Query().Get("coding"))
		switch r.URL.Path {
		case "/head":
			w.Header().Set("Content-Length", "1000")
		case "/chunks":
			w.(http.Flusher).Flush()
		case "/full":
			z := gzip.NewWriter(w)
			io.WriteString(z, "text")
			z.Close()
		}
	})
	c := client(t, Options{})
	for _, test := range []struct{ method, path, body string }{
		{"HEAD", "/head?coding=gzip", ""},
		{"HEAD", "/chunks?coding=gzip", ""},
		{"GET", "/chunks?coding=gzip", ""},
		{"GET", "/full?coding=GZIP", "text"},
		{"GET", "/full?coding=x-gzip", "text"}, // RFC 9110, section 8.4.1.3
	} {
		r := get(t, s.URL+test.path)
		r.Method, r.Decompress = test.method, true
		if a := do(t, c, r); a.status != 200 || a.errno != 0 || a.body != test.body {
			t.Errorf("%s %s: %+v, want %q", test.method, test.path, a, test.body)
		}
	}
}

// A status is a number from 100 on.
func TestNoStatus(t *testing.T) {
	address := listen(t, func(c net.Conn) {
		c.Read(make([]byte, 4<<10))
		io.WriteString(c, "HTTP/1.1 000 OK\r\nContent-Length: 1\r\n\r\n1")
	})
	do(t, client(t, Options{}), get(t, "http://"+address)).wantError(t, abi.IO, "status 0")
}

// Credentials are for the server that they were given for: another port is
// another server.
func TestCredentialsStay(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["Authorization"], r.Header["Cookie"], r.Header["X-Other"])
	}
	other := serve(t, show)
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			show(w, r)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	back := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s.URL, http.StatusFound) })
	c := client(t, Options{})
	for _, test := range []struct{ to, want string }{
		{s.URL + "/", "[secret] [secret] [other]"},
		{other.URL, "[] [] [other]"},
		{back.URL, "[] [] [other]"},
	} {
		to = test.to
		r := get(t, s.URL+"/from")
		r.Redirects = 3
		for _, server := range []string{other.URL, back.URL} {
			r.Grants = append(r.Grants, must(ParseGrant(server)))
		}
		for _, field := range [][2]string{{"Authorization", "secret"}, {"Cookie", "secret"}, {"X-Other", "other"}} {
			r.AddHeader(field[0], field[1])
		}
		if a := do(t, c, r); a.body != test.want {
			t.Errorf("to %s: %+v, want %s", test.to, a, test.want)
		}
	}
}

// What a server says is not repeated at length.
func TestReasonIsShort(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 " + strings.Repeat("x", 60<<10) + "\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://" + strings.Repeat("x", 60<<10) + "/\r\n\r\n",
		"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://%" + strings.Repeat("x", 60<<10) + "/\r\n\r\n",
	} {
		address := listen(t, func(c net.Conn) {
			c.Read(make([]byte, 4<<10))
			io.WriteString(c, head)
		})
		r := get(t, "http://"+address)
		r.Redirects = 1
		a := do(t, client(t, Options{}), r)
		if a.errno == 0 || a.reason == "" || len(a.reason) > 1<<10 {
			t.Errorf("%v, %d bytes: %.100s", a.errno, len(a.reason), a.reason)
		}
	}
}

package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// patient is a server on a connection in memory whose health checks are
// answered with a status, or not at all.
type patient struct {
	status  atomic.Int64 // 0: it does not answer
	checks  atomic.Int64
	request atomic.Pointer[http.Request]
}

func (s *patient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.checks.Add(1)
	if s.status.Load() < 0 {
		return nil, fmt.Errorf("connection refused")
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buffer := make([]byte, 4096)
		n, _ := server.Read(buffer)
		request := httptest.NewRequest("GET", strings.Fields(string(buffer[:n]) + " - -")[1], nil)
		request.Host, request.RemoteAddr = hostLine(string(buffer[:n])), network+" "+address
		s.request.Store(request)
		if status := s.status.Load(); status != 0 {
			fmt.Fprintf(server, "HTTP/1.1 %d X\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n", status)
			return
		}
		server.Read(buffer) // until the other side gives up
	}()
	return client, nil
}

func hostLine(head string) string {
	for line := range strings.Lines(head) {
		if host, ok := strings.CutPrefix(line, "Host: "); ok {
			return strings.TrimSpace(host)
		}
	}
	return ""
}

func TestHealthChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &patient{}
		s.status.Store(200)
		g := opened(t, Options{
			Dial:  s.dial,
			Check: &Check{Path: "/health?full", Interval: 10 * time.Second, Timeout: time.Second, Rise: 2, Fall: 3},
			Peers: []PeerOptions{{Address: address(0)}},
		})
		synctest.Wait()
		if n := s.checks.Load(); n != 1 {
			t.Fatalf("%d checks at the beginning", n)
		}
		if r := s.request.Load(); r.URL.String() != "/health?full" || r.Host != address(0) || r.RemoteAddr != "tcp "+address(0) {
			t.Errorf("%s of %q at %s", r.URL, r.Host, r.RemoteAddr)
		}
		rounds := func(n int64) string {
			for before := s.checks.Load(); s.checks.Load() < before+n; {
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(1100 * time.Millisecond) // the timeout
			return g.State().Peers[0].State
		}
		for i, c := range []struct {
			status int64
			rounds int64
			want   string
		}{
			{503, 2, "up"}, {503, 1, "unhealthy"}, {200, 1, "unhealthy"}, {503, 1, "unhealthy"}, {200, 1, "unhealthy"}, {204, 1, "up"},
			{301, 5, "up"}, {0, 3, "unhealthy"}, {399, 2, "up"}, {-1, 2, "up"}, {400, 1, "unhealthy"},
		} {
			s.status.Store(c.status)
			if got := rounds(c.rounds); got != c.want {
				t.Fatalf("step %d: after %d times status %d it is %s, want %s", i, c.rounds, c.status, got, c.want)
			}
		}
		if _, err := g.Pick(&Request{}); err != ErrNoPeer {
			t.Errorf("the only peer is ill: %v", err)
		}
		g.Update(Options{Peers: []PeerOptions{{Address: address(0)}}})
		pick(t, g, &Request{}) // nobody checks any more
		before := s.checks.Load()
		if time.Sleep(time.Minute); s.checks.Load() != before {
			t.Error("checks go on")
		}
	})
}

// The time between two rounds is the interval, give or take a tenth.
func TestHealthChecksAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &patient{}
		s.status.Store(-1)
		opened(t, Options{
			Dial:  s.dial,
			Check: &Check{Path: "/", Interval: 10 * time.Second, Timeout: time.Second},
			Peers: []PeerOptions{{Address: address(0)}},
		})
		synctest.Wait()
		different := map[time.Duration]bool{}
		for range 20 {
			before, start := s.checks.Load(), time.Now()
			for s.checks.Load() == before {
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			took := time.Since(start)
			if took < 9*time.Second || took > 11*time.Second+time.Millisecond {
				t.Errorf("%v between two checks", took)
			}
			different[took] = true
		}
		if len(different) < 10 {
			t.Errorf("of 20 times only %d are different", len(different))
		}
	})
}

func TestHealthCheckOfAUnixPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &patient{}
		s.status.Store(200)
		opened(t, Options{
			Dial: s.dial, Peers: []PeerOptions{{Address: "unix:/run/a b.sock"}, {Address: address(0), Down: true}},
			Check: &Check{Path: "/", Interval: time.Second, Timeout: time.Second},
		})
		synctest.Wait()
		if r := s.request.Load(); r == nil || r.Host != "localhost" || r.RemoteAddr != "unix /run/a b.sock" || s.checks.Load() != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// The zone of an address means something on this machine alone: neither the Host
// header nor a certificate has it.
func TestHealthCheckOfAPeerWithAZone(t *testing.T) {
	for scheme, begin := range map[string]func(*httptest.Server){"http": (*httptest.Server).Start, "https": (*httptest.Server).StartTLS} {
		asked, dialled := make(chan string, 10), make(chan string, 10)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.Host }))
		begin(server)
		defer server.Close()
		authorities := x509.NewCertPool()
		if scheme == "https" {
			authorities.AddCert(server.Certificate()) // it is for ::1 as well
		}
		g := opened(t, Options{
			Peers: []PeerOptions{{Address: scheme + "://[::1%eth0]:8443"}},
			Check: &Check{Path: "/", Interval: time.Hour, Timeout: 5 * time.Second},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialled <- address
				return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
			},
			Connecting: Connecting{TLS: &tls.Config{RootCAs: authorities}},
			Log:        slog.New(slog.NewTextHandler(t.Output(), nil)),
		})
		select {
		case host := <-asked:
			if address := <-dialled; host != "[::1]:8443" || address != "[::1%eth0]:8443" {
				t.Errorf("%s: %s was asked by way of %s", scheme, host, address)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: it is not asked: %s", scheme, g.State().Peers[0].State)
		}
	}
}

// The check goes over real connections, too, and leaves none open.
func TestHealthCheckOverTCP(t *testing.T) {
	for scheme, begin := range map[string]func(*httptest.Server){"http": (*httptest.Server).Start, "https": (*httptest.Server).StartTLS} {
		asked := make(chan string, 10)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			asked <- r.UserAgent()
		}))
		begin(server)
		authorities := x509.NewCertPool()
		if scheme == "https" {
			authorities.AddCert(server.Certificate())
		}
		g := opened(t, Options{
			Peers:      []PeerOptions{{Address: scheme + "://" + server.Listener.Addr().String()}},
			Check:      &Check{Path: "/", Interval: time.Millisecond, Timeout: 5 * time.Second, MinStatus: 418, MaxStatus: 418},
			Connecting: Connecting{TLS: &tls.Config{RootCAs: authorities}},
		})
		for range 3 {
			if got := <-asked; got != "phasm health check" {
				t.Errorf("%s: asked by %q", scheme, got)
			}
		}
		if s := g.State().Peers[0].State; s != "up" {
			t.Errorf("%s: %s", scheme, s)
		}
		g.Close()
		server.Close()
	}
}

// A check that has taken too long leaves nothing behind: no attempt to connect to
// a peer that drops packets, and no connection to one that says nothing about TLS.
func TestHealthChecksEndWhatTheyBegin(t *testing.T) {
	for name, connects := range map[string]bool{"connecting": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open, most atomic.Int64
				dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
					most.Store(max(most.Load(), open.Add(1)))
					if !connects {
						<-ctx.Done()
						open.Add(-1)
						return nil, ctx.Err()
					}
					client, server := net.Pipe()
					go func() {
						io.Copy(io.Discard, server) // until the other side closes
						open.Add(-1)
					}()
					return client, nil
				}
				g := opened(t, Options{
					Dial: dial, Peers: []PeerOptions{{Address: "https://" + address(0)}},
					Check: &Check{Path: "/", Interval: 5 * time.Second, Timeout: time.Second},
				})
				time.Sleep(time.Minute)
				if s := g.State().Peers[0].State; s != "unhealthy" {
					t.Error(s)
				}
				if n := most.Load(); n != 1 {
					t.Errorf("%d checks of the peer at once", n)
				}
				g.Close()
				synctest.Wait()
				if n := open.Load(); n != 0 {
					t.Errorf("%d outlive the group", n)
				}
			})
		})
	}
}

package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"
)

// admin is the operator's listener: metrics, health, reload, upstreams,
// profiles. Its requests are rare and trusted to be slow, so net/http serves
// them.
type admin struct {
	listener net.Listener
	address  string // as the configuration has it
	server   *http.Server
	log      *log.Logger
}

// newAdmin makes the admin listener. Reloads that it is asked for end with
// ctx.
func newAdmin(ctx context.Context, s *Server, l net.Listener, address string) *admin {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.generation.Load().registry.WritePrometheus(w)
	})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.metrics.ready.Load() {
			http.Error(w, "not serving", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) {
		switch err := s.Reload(ctx); { // whoever asked may go away meanwhile
		case errors.Is(err, errStopping) || ctx.Err() != nil:
			http.Error(w, errStopping.Error(), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		default:
			fmt.Fprintln(w, "reloaded")
		}
	})
	s.serveUpstreams(mux)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	logger := log.New(adminLog{s}, "", 0)
	return &admin{
		listener: l, address: address, log: logger,
		server: &http.Server{
			Handler:           bodyInTime(notFromPages(mux, isLoopback(l.Addr()))),
			ReadHeaderTimeout: adminPatience,
			IdleTimeout:       time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          logger,
		},
	}
}

// adminPatience is how long a request may take to come: its head, and its body.
const adminPatience = 5 * time.Second

// bodyInTime has a request's body come in time, or not at all. net/http waits for
// one that no handler reads as well. The server's ReadTimeout would do the same,
// and end a profile that takes longer.
func bodyInTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(adminPatience))
		}
		next.ServeHTTP(w, r)
	})
}

// adminLog writes net/http's complaints where the configuration in use has the
// server write.
type adminLog struct{ server *Server }

func (l adminLog) Write(line []byte) (int, error) {
	l.server.log().Warn(string(bytes.TrimSpace(line)))
	return len(line), nil
}

func (a *admin) serve() {
	if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		a.log.Printf("the admin listener ended: %v", err)
	}
}

// retire ends the listener at once and then what it serves: a reload that has
// moved the listener is answered, a profile taken to its end. Both end with
// ctx.
func (a *admin) retire(ctx context.Context) {
	if a.server.Shutdown(ctx) != nil {
		a.server.Close()
	}
}

// close ends the listener; a profile being taken is cut off.
func (a *admin) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	a.retire(ctx)
	a.listener.Close() // where nothing was served
}

// notFromPages refuses what a web page could make an operator's browser send:
// requests with an Origin, requests that say they come from a page elsewhere,
// were it on another port of this machine, and requests for a name that
// somebody else's DNS may have pointed at this address. An operator who binds
// the listener to the network gives it a name there: metrics and health, which
// change nothing and tell little, are answered under any name then.
func notFromPages(next http.Handler, loopback bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		named := !loopback && r.URL.Path != "/reload" && !strings.HasPrefix(r.URL.Path, "/upstreams") && !strings.HasPrefix(r.URL.Path, "/debug/")
		if r.Header.Get("Origin") != "" || fromElsewhere(r.Header.Get("Sec-Fetch-Site")) || !named && !isAddress(r.Host) {
			http.Error(w, "the admin listener is not for web pages: ask it by its IP address or as localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// fromElsewhere tells whether a Sec-Fetch-Site header speaks of a page that is
// not the listener's own. Programs send none, and for an address that somebody
// has typed browsers send "none".
func fromElsewhere(site string) bool { return site != "" && site != "none" && site != "same-origin" }

// isAddress tells whether a Host header is an IP address or localhost.
func isAddress(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1] // an IPv6 address without a port
	}
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost")
}

package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// keeping is a group of one peer that keeps connections, of which it tells how
// many are open.
func keeping(t *testing.T, how Connecting) (g *Group, open func() int, o Options) {
	t.Helper()
	closed, made := make(chan struct{}, 100), 0
	o = Options{Connecting: how, Peers: []PeerOptions{{Address: address(0)}}, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		made++
		go func() {
			io.Copy(io.Discard, server)
			closed <- struct{}{}
		}()
		return client, nil
	}}
	return opened(t, o), func() int {
		synctest.Wait()
		return made - len(closed)
	}, o
}

// keep has a peer keep n connections.
func keep(t *testing.T, p *Peer, n int) {
	t.Helper()
	var conns []*Conn
	for range n {
		c, err := p.Connect(Patience{}, false, false)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	for _, c := range conns {
		c.Keep()
	}
}

func TestFewerConnectionsAreKeptAfterAnUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, open, o := keeping(t, Connecting{Keep: 5})
		p := g.Peers()[0]
		keep(t, p, 5)
		newest := p.idle.conns[4]
		for _, c := range []struct{ keep, want int }{{5, 5}, {2, 2}, {7, 2}} {
			o.Connecting.Keep = c.keep
			if g.Update(o); open() != c.want {
				t.Errorf("keepalive = %d: %d are open, want %d", c.keep, open(), c.want)
			}
		}
		if p.idle.take(false) != newest {
			t.Error("the newest is not among those that stay")
		}
		newest.net.Close()
		o.Connecting.Keep = 0
		if g.Update(o); open() != 0 {
			t.Errorf("keepalive = 0: %d are open", open())
		}
	})
}

// One that is always used again would never notice that others serve behind the
// peer's address now.
func TestOldConnectionsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, open, o := keeping(t, Connecting{Keep: 5})
		p := g.Peers()[0]
		use := func(of time.Duration) (uses int) {
			for begin := time.Now(); uses == 0 || open() == 1; uses++ {
				keep(t, p, 1)
				if time.Sleep(30 * time.Second); time.Since(begin) > 2*of {
					t.Fatalf("a connection is older than %v", time.Since(begin))
				}
			}
			return uses
		}
		if n := use(time.Hour); n != 121 {
			t.Errorf("it has been used %d times", n)
		}
		o.Connecting.KeepTime = time.Minute
		g.Update(o)
		if n := use(time.Minute); n != 3 {
			t.Errorf("it has been used %d times within keepalive_time", n)
		}
	})
}

// As many requests as a moment ago may come at once: their connections wait a
// little, were it more than are kept.
func TestSurplusConnectionsWaitAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, open, _ := keeping(t, Connecting{Keep: 2, KeepTimeout: time.Minute})
		p := g.Peers()[0]
		last := func() *Conn {
			p.idle.mu.Lock()
			defer p.idle.mu.Unlock()
			return p.idle.conns[len(p.idle.conns)-1]
		}
		for round := range 10 {
			keep(t, p, 5)
			if open() != 5 {
				t.Fatalf("after round %d: %d are open", round, open())
			}
			time.Sleep(linger / 2)
		}
		if time.Sleep(linger / 4); open() != 5 {
			t.Errorf("%d are open before their time", open())
		}
		newest := last()
		if time.Sleep(linger / 4); open() != 2 {
			t.Errorf("%d are open", open())
		}
		if time.Sleep(50 * time.Second); open() != 2 || last() != newest {
			t.Errorf("%d are open before keepalive_timeout, or not the newest", open())
		}
		keep(t, p, 3)
		if time.Sleep(linger); open() != 2 {
			t.Errorf("%d are open later", open())
		}
		if time.Sleep(time.Minute); open() != 0 {
			t.Errorf("%d are open after keepalive_timeout", open())
		}
	})
}

func TestConnectionsAreKeptForLessAfterAnUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, open, o := keeping(t, Connecting{Keep: 5, KeepTimeout: time.Hour})
		keep(t, g.Peers()[0], 3)
		time.Sleep(time.Minute)
		o.Connecting.KeepTimeout = 2 * time.Minute
		g.Update(o)
		if time.Sleep(59 * time.Second); open() != 3 {
			t.Errorf("%d are open", open())
		}
		if time.Sleep(2 * time.Second); open() != 0 {
			t.Errorf("%d are open after keepalive_timeout", open())
		}
	})
}

func TestARemovedPeerKeepsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, open, _ := keeping(t, Connecting{Keep: 5})
		p := g.Peers()[0]
		keep(t, p, 3)
		c, err := p.Connect(Patience{}, false, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Remove(address(0)); err != nil {
			t.Fatal(err)
		}
		if open() != 1 {
			t.Errorf("%d are open beside the one in use", open()-1)
		}
		if c.Keep(); open() != 0 {
			t.Errorf("%d are open", open())
		}
	})
}

// overTLS is a group of one peer that speaks TLS on the connections it gives
// away, once shaken hands.
func overTLS(t *testing.T) (g *Group, accepted chan net.Conn, o Options) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate
	certificate := server.TLS.Certificates[0]
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	server.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			if c.(*tls.Conn).Handshake() == nil {
				accepted <- c
			}
		}
	}()
	o = Options{Peers: []PeerOptions{{Address: "https://" + l.Addr().String()}}, Connecting: Connecting{Keep: 5, TLS: &tls.Config{RootCAs: authorities}}}
	return opened(t, o), accepted, o
}

// Connections that were made by another certificate, or checked by another
// authority, serve nobody after an update.
func TestProtectedConnectionsEndWithAnUpdate(t *testing.T) {
	g, _, o := overTLS(t)
	p := g.Peers()[0]
	keep(t, p, 2)
	g.Update(o)
	if n := len(p.idle.conns); n != 2 {
		t.Errorf("of two connections %d are there after an update that leaves them alone", n)
	}
	used, err := p.Connect(Patience{}, false, false)
	if err != nil {
		t.Fatal(err)
	}
	o.Connecting.TLS = o.Connecting.TLS.Clone()
	g.Update(o)
	if n := len(p.idle.conns); n != 0 {
		t.Errorf("%d connections are there", n)
	}
	used.Keep()
	keep(t, p, 1)
	if c := p.idle.conns; len(c) != 1 || c[0] == used {
		t.Errorf("%d connections are kept", len(c))
	}
}

// Over TLS a peer says that it closes a connection: that is no sign of life.
// What TLS itself has to say is none of a closed one.
func TestClosedConnectionsOverTLS(t *testing.T) {
	g, accepted, _ := overTLS(t)
	p := g.Peers()[0]
	for _, closes := range []bool{false, true, false} {
		keep(t, p, 1)
		kept := p.idle.conns[0]
		if peer := <-accepted; closes {
			peer.Close()
			for deadline := time.Now().Add(5 * time.Second); kept.alive() && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
		}
		c, err := p.Connect(Patience{}, false, true)
		if err != nil {
			t.Fatal(err)
		}
		if (c == kept) == closes {
			t.Fatalf("closed %v: the connection that waited is used: %v", closes, c == kept)
		}
		c.Close()
		if closes {
			<-accepted
		}
	}
}

// What the peer has closed is closed before it is needed, or too old.
func TestConnectionsThatThePeerClosesEnd(t *testing.T) {
	g, accepted, _ := overTLS(t)
	p := g.Peers()[0]
	keep(t, p, 3)
	stays, closed := p.idle.conns[1], p.idle.conns[0]
	for range 3 {
		if c := <-accepted; c.RemoteAddr().String() != stays.net.LocalAddr().String() {
			c.Close()
		}
	}
	for deadline := time.Now().Add(5 * time.Second); len(p.idle.conns) > 1 && time.Now().Before(deadline); p.idle.expire() {
		time.Sleep(time.Millisecond)
	}
	if c := p.idle.conns; len(c) != 1 || c[0] != stays {
		t.Errorf("%d connections are kept", len(c))
	}
	if err := closed.net.SetDeadline(time.Time{}); err == nil {
		t.Error("one that the peer has closed is open")
	}
}

// heard is a watcher that has heard something, or not.
type heard bool

func (h heard) Heard() bool { return bool(h) }
func (heard) Unwatch()      {}

// What a watcher has heard is looked at, however fresh the connection is.
func TestWhatIsHeardIsNotTrusted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, something := range []heard{false, true} {
		p := opened(t, Options{Peers: []PeerOptions{{Address: l.Addr().String()}}, Connecting: Connecting{Keep: 1}}).Peers()[0]
		keep(t, p, 1)
		c := p.idle.conns[0]
		c.Watch(something)
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		peer.Close()
		for deadline := time.Now().Add(5 * time.Second); c.alive() && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		c.since = time.Now().Add(time.Hour) // fresh
		if taken := p.idle.take(false); (taken == nil) != bool(something) {
			t.Errorf("the watcher has heard something: %t; the connection is used: %t", something, taken != nil)
		}
	}
}

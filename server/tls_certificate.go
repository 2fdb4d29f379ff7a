package server

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"phasm/plugins"
	"phasm/pool"
	"phasm/sdk/abi"
	"phasm/server/certificate"
)

// supply has a plugin supply certificates, in its tls_certificate phase, and
// keeps them for a while. It is safe for concurrent use.
type supply struct {
	plugin *plugins.Plugin
	log    *slog.Logger

	mu   sync.Mutex
	kept map[string]*supplied
}

// supplied is what became of a name.
type supplied struct {
	done        chan struct{}    // closed once the others are valid
	certificate *tls.Certificate // nil where the plugin supplies none
	err         error            // why it could not be asked
	until       time.Time
}

// What is kept of a plugin's certificates. Names come from clients: that a
// plugin knows nothing of one is kept too, so that a client that asks for it
// again and again does not keep the plugin busy.
const (
	maxSupplied  = 1024
	keepSupplied = 5 * time.Minute
	keepNothing  = 5 * time.Second
)

// get is the certificate for a name; nil where there is none. The error is
// pool.ErrClosed where the plugin is a past generation's.
func (s *supply) get(name string) (*tls.Certificate, error) {
	s.mu.Lock()
	one := s.kept[name]
	first := one == nil || one.over()
	if first {
		one = &supplied{done: make(chan struct{})}
		s.makeRoom()
		s.kept[name] = one
	}
	s.mu.Unlock()
	if first {
		s.ask(name, one)
	}
	<-one.done
	return one.certificate, one.err
}

// over tells whether the plugin is to be asked again. While it is being asked
// nobody else asks it.
func (one *supplied) over() bool {
	select {
	case <-one.done:
		return time.Now().After(one.until)
	default:
		return false
	}
}

// makeRoom forgets a name where too many are kept: one that is over, else any.
// It is called locked.
func (s *supply) makeRoom() {
	if len(s.kept) < maxSupplied {
		return
	}
	victim := ""
	for name, one := range s.kept {
		if victim = name; one.over() {
			break
		}
	}
	delete(s.kept, victim)
}

// ask runs the plugin for a name.
func (s *supply) ask(name string, one *supplied) {
	defer close(one.done)
	one.until = time.Now().Add(keepNothing)
	run := &handshakeRun{name: name}
	err := s.plugin.RunCertificate(run)
	switch {
	case errors.Is(err, pool.ErrClosed):
		one.err = pool.ErrClosed
	case err != nil:
		s.log.Error(err.Error(), "server_name", name)
	case run.certificate != nil:
		one.certificate = run.certificate
		valid := time.Until(run.certificate.Leaf.NotAfter) // then the plugin may have the next one
		one.until = time.Now().Add(max(keepNothing, min(keepSupplied, valid)))
	}
}

// handshakeRun implements host.Handshake.
type handshakeRun struct {
	name        string
	certificate *tls.Certificate
}

func (r *handshakeRun) ServerName() string { return r.name }

func (r *handshakeRun) SetCertificate(cert, key []byte) abi.Errno {
	parsed, err := certificate.Parse(cert, key)
	if err != nil {
		return abi.BadArgument
	}
	r.certificate = parsed
	return 0
}

// askedFor is the name that a client asks for, as plugins see it.
func askedFor(hello *tls.ClientHelloInfo) string {
	return strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
}

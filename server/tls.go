package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"phasm/sdk/abi"
	"phasm/server/certificate"
	"phasm/server/config"
)

// protection is how a TLS listener of one generation answers handshakes.
type protection struct {
	config  *tls.Config
	chooser *certificate.Chooser
	supply  *supply            // for names that chooser has no certificate for; nil without a plugin
	current func() *protection // the listener's in the generation in use
}

// suites are those for TLS 1.2: forward secret, and authenticated. TLS 1.3 has
// no others, and those that HTTP/2 forbids are none of them.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// loadTLS reads the certificates of a configuration and makes what its TLS
// listeners need of them.
func (s *Server) loadTLS(g *generation) (problems []config.Problem) {
	named := map[string]*certificate.Certificate{}
	for _, c := range g.config.Certificates {
		path := "certificates." + c.Name
		read, err := certificate.Load(certificate.Files{Cert: c.Cert, Key: c.Key, OCSP: c.OCSP})
		if err != nil {
			problems = append(problems, g.certificateProblem(path, err))
			continue
		}
		if stale := certificate.Stale(read.Current(), time.Now()); stale != "" {
			g.log.Warn(g.config.Problem(path+".cert", "%s", stale).String())
		}
		named[c.Name] = read
	}
	if problems != nil {
		return problems
	}
	g.certificates = named
	for _, l := range g.config.Listeners {
		p, err := newProtection(&l, named)
		if err != nil {
			problems = append(problems, g.config.Problem("listeners."+l.Name+".tls.client_ca", "%v", err))
		}
		if p != nil {
			p.current = func() *protection { return s.generation.Load().protection(l.Name) }
		}
		g.protections = append(g.protections, p)
	}
	return problems
}

// protection is a listener's, nil where it is plain, or not there.
func (g *generation) protection(listener string) *protection {
	for i := range g.config.Listeners {
		if g.config.Listeners[i].Name == listener {
			return g.protections[i]
		}
	}
	return nil
}

// supplyTLS gives TLS listeners the plugins that supply their certificates.
func (b *routeBuilder) supplyTLS(g *generation) {
	for i, l := range b.config.Listeners {
		if l.TLS == nil || l.TLS.Plugin == "" {
			continue
		}
		p := b.plugin("listeners."+l.Name+".tls.plugin", l.TLS.Plugin, abi.TLSCertificate)
		g.protections[i].supply = &supply{plugin: p, log: g.log, kept: map[string]*supplied{}}
	}
}

func (g *generation) certificateProblem(path string, err error) config.Problem {
	var at *certificate.Error
	if errors.As(err, &at) {
		path += "." + at.Key
	}
	return g.config.Problem(path, "%v", err)
}

// newProtection is a listener's protection, nil where the listener is plain.
func newProtection(l *config.Listener, named map[string]*certificate.Certificate) (*protection, error) {
	if l.TLS == nil {
		return nil, nil
	}
	var list []*certificate.Certificate
	for _, name := range l.TLS.Certificates {
		list = append(list, named[name])
	}
	p := &protection{chooser: certificate.NewChooser(list)}
	p.config = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   suites,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: p.certificate,
	}
	if l.HTTP2 {
		p.config.NextProtos = []string{protocolHTTP2, "http/1.1"}
	}
	if l.TLS.ClientCA != "" {
		authorities, err := readAuthorities(l.TLS.ClientCA)
		if err != nil {
			return nil, err
		}
		p.config.ClientCAs = authorities
		p.config.ClientAuth = tls.RequireAndVerifyClientCert
		if l.TLS.ClientAuth == "optional" {
			p.config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return p, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("the file has no certificate in PEM form")
	}
	return pool, nil
}

// certificate chooses the certificate for a handshake.
func (p *protection) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if named := p.chooser.Named(hello); named != nil {
		return named, nil
	}
	if supplied := p.supplied(hello); supplied != nil {
		return supplied, nil
	}
	if first := p.chooser.Default(hello); first != nil {
		return first, nil
	}
	return nil, errNoCertificate
}

// supplied asks the plugin, where there is one and the client has named what may
// be a host: it may send anything, as long as it likes. The plugin of a generation
// which has been replaced meanwhile is gone, and the one in its place is asked.
func (p *protection) supplied(hello *tls.ClientHelloInfo) *tls.Certificate {
	name := askedFor(hello)
	for p != nil && p.supply != nil && isCanonicalHost([]byte(name)) {
		supplied, err := p.supply.get(name)
		if err == nil {
			return supplied
		}
		next := p.current()
		if next == p {
			return nil
		}
		p = next
	}
	return nil
}

var errNoCertificate = errors.New("there is no certificate for the name that the client asks for")

// refreshEvery is how often certificates' files are looked at. Whoever renews a
// certificate does so days before the old one expires.
const refreshEvery = time.Minute

// refreshCertificates takes up certificates whose files have changed, until ctx
// ends.
func (s *Server) refreshCertificates(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.generation.Load().refreshCertificates()
		}
	}
}

// refreshCertificates reads those certificates again whose files have changed.
// One that is no good leaves that in use which was there before.
func (g *generation) refreshCertificates() {
	changed := false
	for _, c := range g.config.Certificates {
		switch now, err := g.certificates[c.Name].Refresh(); {
		case err != nil:
			problem := g.certificateProblem("certificates."+c.Name, err)
			g.log.Error("cannot take up a certificate that has changed, the one in use stays", "error", problem.String())
		case now:
			changed = true
			g.log.Info("took up a certificate that has changed", "certificate", c.Name)
		}
	}
	if !changed {
		return
	}
	for _, p := range g.protections {
		if p != nil {
			p.chooser.Index()
		}
	}
}

// tlsConfig is what a listener begins handshakes with. It is one for the
// listener's whole life, and with it the keys of session tickets are, which
// crypto/tls replaces every day: clients resume sessions over reloads. All else
// is the protection's in use.
func (l *listener) tlsConfig() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		p := l.protection.Load()
		if p == nil {
			return nil, errors.New("the listener has no TLS any more")
		}
		return p.config, nil
	}}
}

// handshake protects a connection of a TLS listener. False means that there is
// nobody to serve.
func (c *conn) handshake() bool {
	protected := tls.Server(c.belowTLS(), c.listener.tls)
	err := c.greet(func() (net.Conn, error) { return protected, protected.Handshake() })
	s := c.server
	if err != nil {
		s.metrics.handshakesFailed.Inc()
		s.log().Debug("TLS handshake failed", "remote_addr", c.remote.String(), "error", err)
		c.answerPlain(err)
		return false
	}
	c.r.Reset(protected)
	state := protected.ConnectionState()
	c.tls = &state
	return true
}

// answerPlain tells a client that has begun to speak HTTP that it must not.
func (c *conn) answerPlain(err error) {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) || header.Conn == nil {
		return
	}
	switch string(header.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		io.WriteString(c.w, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"+
			"This port speaks HTTPS: begin the address with https://\n")
		c.linger()
	}
}

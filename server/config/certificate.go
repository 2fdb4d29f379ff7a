package config

// Certificate is a [certificates.NAME] table: a certificate that TLS listeners
// may name. It serves the names that stand in it, wildcards included.
type Certificate struct {
	// Name is the table's name, by which listeners refer to it.
	Name string

	// Cert is the file of the certificate in PEM form, followed by those that
	// lead to the authority. Required.
	Cert string `toml:"cert" required:"example.com.pem" file:"file"`

	// Key is the file of its private key, in PEM form. Required.
	Key string `toml:"key" required:"example.com.key" file:"file"`

	// OCSP is the file of the authority's OCSP response, in DER form, that is sent
	// along with the certificate. Default none.
	OCSP string `toml:"ocsp" file:"file"`
}

// ListenerTLS is a [listeners.NAME.tls] table.
type ListenerTLS struct {
	// Certificates are the names of the [certificates.NAME] tables to choose from,
	// by the name that the client asks for. Clients that ask for none, or for
	// another, get the first.
	Certificates []string `toml:"certificates"`

	// Plugin is the plugin whose tls_certificate phase supplies the certificates
	// for names that none of Certificates is for. Default none.
	Plugin string `toml:"plugin" ref:"plugin"`

	// ClientCA is the file of the authorities, in PEM form, whose certificates
	// clients show. Default empty: clients are not asked for one.
	ClientCA string `toml:"client_ca" file:"file"`

	// ClientAuth says whether a client must have a certificate: require or
	// optional. A certificate of another authority is refused in either case.
	// Default require.
	ClientAuth string `toml:"client_auth" default:"require" choices:"require|optional"`
}

// checkTLS reports certificates that are missing, and TLS that makes no sense.
func (l *loader) checkTLS() {
	var names []string
	used := map[string]bool{}
	for _, c := range l.config.Certificates {
		names = append(names, c.Name)
	}
	for _, listener := range l.config.Listeners {
		path := keyPath("listeners", listener.Name)
		if listener.TLS == nil {
			if at := keyPath(path, "http2"); l.given[at] && !l.reported(at) && bool(listener.HTTP2) && !l.given[keyPath(path, "tls")] {
				l.problem(at, "HTTP/2 is served over TLS only: the listener has no tls")
			}
			continue
		}
		for _, name := range listener.TLS.Certificates {
			used[name] = true
		}
		l.checkListenerTLS(keyPath(path, "tls"), listener.TLS, names)
	}
	for _, name := range names {
		if !used[name] {
			l.config.Warnings = append(l.config.Warnings,
				l.config.Problem(keyPath("certificates", name), "no listener uses this certificate; name it in one, or remove it"))
		}
	}
}

func (l *loader) checkListenerTLS(path string, tls *ListenerTLS, names []string) {
	certificates := keyPath(path, "certificates")
	if len(tls.Certificates) == 0 && tls.Plugin == "" && !l.reported(certificates) && !l.excused[certificates] {
		l.problem(certificates, `there is no certificate; write certificates = ["NAME"] and declare it as [certificates.NAME]`)
	}
	for i, name := range tls.Certificates {
		l.mustExist(indexPath(certificates, i), "certificate", "certificates", name, names)
	}
	if at := keyPath(path, "client_auth"); l.given[at] && tls.ClientCA == "" && !l.given[keyPath(path, "client_ca")] {
		l.problem(at, `it needs client_ca, the file of the authorities whose certificates clients show`)
	}
}

package config

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Listener is a [listeners.NAME] table: an address that requests come in on.
type Listener struct {
	// Name is the table's name.
	Name string

	// Address is "host:port". Without a host, or with 0.0.0.0 or [::], it is
	// every address of the machine; port 0 is any free one. Or it is
	// "systemd:NAME", the sockets of that name (FileDescriptorName) that systemd
	// has opened. Required.
	Address string `toml:"address" required:"127.0.0.1:8080"`

	// ReusePort opens the address as often as cores run code (server.workers when
	// it is opened), so that each has a queue of its own, and lets other processes
	// of the same user listen there as well. Linux only. Default false.
	ReusePort bool `toml:"reuseport"`

	// ProxyProtocol says that each connection begins with a PROXY header, of
	// version 1 or 2, by which one of server.trusted_proxies tells who the client
	// is. Others are closed. Default false.
	ProxyProtocol bool `toml:"proxy_protocol"`

	// TLS encrypts the listener's connections. Default none: they are plain.
	TLS *ListenerTLS `toml:"tls"`

	// HTTP2 lets clients of a TLS listener choose HTTP/2. Default true.
	HTTP2 Switch `toml:"http2" default:"true"`
}

// inherited is how addresses begin that the process is started with.
const inherited = "systemd:"

// Inherited is the name of the sockets that systemd has opened for the
// listener. It is false where the server opens its address itself.
func (l *Listener) Inherited() (name string, ok bool) {
	return strings.CutPrefix(l.Address, inherited)
}

// Admin is the [admin] table: the operator's own listener.
type Admin struct {
	// Address is "host:port" as in Listener. Default empty: no admin listener.
	Address string `toml:"address"`
}

// checkListeners reports addresses that cannot be listened on.
func (l *loader) checkListeners() {
	l.needOne("listeners", `[listeners.main] with address = "127.0.0.1:8080"`)
	taken := map[string]string{} // address → path of the first to take it
	check := func(path, address string) {
		if !l.given[path] || l.reported(path) {
			return
		}
		place, port, err := canonicalAddress(address)
		if name, ok := strings.CutPrefix(address, inherited); ok && path != "admin.address" {
			place, port, err = address, -1, nil
			if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
				l.problem(path, `%s names no socket; write the FileDescriptorName of the socket unit, as in "systemd:web"`, describe(address))
				return
			}
		}
		if err != nil {
			l.problem(path, `%s is not an address to listen on: %v; write one as in "127.0.0.1:8080"`, describe(address), err)
			return
		}
		if port == 0 {
			return // each gets a port of its own
		}
		if other, ok := taken[place]; ok {
			l.problem(path, "%s is the address of %s (line %d) already", describe(address),
				parentPath(other), l.config.positions.line(other))
			return
		}
		taken[place] = path
	}
	for _, listener := range l.config.Listeners {
		path := keyPath("listeners", listener.Name)
		check(keyPath(path, "address"), listener.Address)
		if _, ok := listener.Inherited(); ok && listener.ReusePort {
			l.problem(keyPath(path, "reuseport"), "systemd opens the socket; drop it, and write ReusePort=yes in the socket unit")
		}
		if listener.ProxyProtocol && len(l.config.Server.TrustedProxies) == 0 && !l.reported("server.trusted_proxies") {
			l.problem(keyPath(path, "proxy_protocol"), `it needs the addresses of the proxies that may say who the client is; write them as in trusted_proxies = ["10.0.0.0/8"] under [server]`)
		}
	}
	if l.config.Admin.Address != "" {
		check("admin.address", l.config.Admin.Address)
	}
}

// needOne reports a table of named tables that is missing or empty.
func (l *loader) needOne(key, example string) {
	table, ok := l.tree[key].(map[string]any)
	if len(table) == 0 && (ok || !l.given[key]) && !l.excused[key] {
		l.problem(key, "there must be at least one, such as %s", example)
	}
}

// canonicalAddress writes the same address always the same way.
func canonicalAddress(address string) (place string, port int, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		var syntax *net.AddrError
		if errors.As(err, &syntax) {
			err = errors.New(syntax.Err)
		}
		return "", 0, err
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, errors.New("the port must be a number from 0 to 65535")
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified():
		host = "*"
	case err == nil:
		host = ip.Unmap().String()
	case strings.IndexFunc(host, func(r rune) bool { return r != '.' && !isBareKeyChar(r) }) >= 0:
		return "", 0, errors.New("the host must be a name or an IP address")
	}
	return strings.ToLower(host) + ":" + strconv.FormatUint(number, 10), int(number), nil
}

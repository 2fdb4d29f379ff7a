package server

import (
	"bytes"
	"net/netip"

	"github.com/valyala/fasthttp"
)

// Headers by which proxies tell who the client is.
const (
	forwardedFor   = fasthttp.HeaderXForwardedFor
	forwardedHost  = fasthttp.HeaderXForwardedHost
	forwardedProto = "X-Forwarded-Proto"
	forwarded      = fasthttp.HeaderForwarded
)

// isForwarding tells whether a header is one of them: the proxy writes them
// itself, from what it knows and what trusted proxies say.
func isForwarding(name []byte) bool {
	if len(name) == 0 || name[0]|0x20 != 'x' && name[0]|0x20 != 'f' {
		return false
	}
	for _, n := range [...]string{forwardedFor, forwardedHost, forwardedProto, forwarded} {
		if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
			return true
		}
	}
	return false
}

// trusts tells whether an address is that of a trusted proxy.
func (g *generation) trusts(address netip.Addr) bool {
	address = address.Unmap()
	for _, p := range g.trusted {
		if p.Contains(address) {
			return true
		}
	}
	return false
}

// believe finds the client behind trusted proxies: the last address in
// X-Forwarded-For that is not one of theirs (nginx: real_ip_recursive).
func (x *exchange) believe() {
	if len(x.generation.trusted) == 0 || !x.generation.trusts(x.RemoteAddr.Addr()) {
		return
	}
	x.believed = true
	values := x.request.Header.PeekAll(forwardedFor)
	for i := len(values) - 1; i >= 0; i-- {
		for list := values[i]; len(list) > 0; {
			last := list[bytes.LastIndexByte(list, ',')+1:]
			list = bytes.TrimSuffix(list[:len(list)-len(last)], []byte{','})
			address, err := netip.ParseAddr(string(bytes.TrimSpace(last)))
			if err != nil {
				return // who comes before nobody knows
			}
			x.RemoteAddr = netip.AddrPortFrom(address.Unmap(), 0)
			if !x.generation.trusts(address) {
				return
			}
		}
	}
}

// appendForwarded appends what peers are told of the client. What a client has
// sent of it that is no trusted proxy never goes on.
func (x *exchange) appendForwarded(dst []byte, how string) []byte {
	h := &x.request.Header
	from := x.conn.remote.Addr().Unmap()
	switch how {
	case "off":
		return dst
	case "standard":
		return x.appendStandard(dst, from)
	}
	dst = append(dst, forwardedFor+": "...)
	if how == "replace" {
		dst = appendAddress(dst, x)
	} else {
		if x.believed {
			for _, value := range h.PeekAll(forwardedFor) {
				dst = append(append(dst, value...), ", "...)
			}
		}
		dst = appendIP(dst, from)
	}
	dst = append(dst, "\r\n"+forwardedProto+": "...)
	if proto := h.Peek(forwardedProto); x.believed && len(proto) > 0 {
		dst = append(dst, proto...)
	} else {
		dst = append(dst, x.Scheme()...)
	}
	dst = append(dst, "\r\n"+forwardedHost+": "...)
	if host := h.Peek(forwardedHost); x.believed && len(host) > 0 {
		dst = append(dst, host...)
	} else {
		dst = append(dst, h.Host()...)
	}
	return append(dst, "\r\n"...)
}

// appendStandard appends the header of RFC 7239.
func (x *exchange) appendStandard(dst []byte, from netip.Addr) []byte {
	h := &x.request.Header
	dst = append(dst, forwarded+": "...)
	if x.believed {
		for _, value := range h.PeekAll(forwarded) {
			dst = append(append(dst, value...), ", "...)
		}
	}
	dst = append(dst, "for="...)
	if from.Is6() {
		dst = append(from.AppendTo(append(dst, `"[`...)), `]"`...)
	} else {
		dst = appendIP(dst, from)
	}
	dst = append(append(dst, ";proto="...), x.Scheme()...)
	if host := h.Host(); len(host) > 0 && !bytes.ContainsAny(host, "\"\\") {
		dst = append(append(append(dst, ";host=\""...), host...), '"')
	}
	return append(dst, "\r\n"...)
}

// appendIP appends an address, or that there is none: the connection is not one
// of the network.
func appendIP(dst []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(dst, "unknown"...)
	}
	return a.AppendTo(dst)
}

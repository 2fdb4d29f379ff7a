package httpclient

import (
	"errors"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Request is what a plugin asks for.
type Request struct {
	Method string   // a token, but not CONNECT
	URL    *url.URL // as ParseURL answers it
	Header http.Header
	Grants Grants // for redirects

	Body   []byte // the body, or
	Stream bool   // it follows by Exchange.Write
	Length int64  // how long it will be then; less than 0: not known

	Limits     Limits
	Redirects  int    // how many are followed, 10 at most
	Decompress bool   // ask for gzip and undo it
	Ended      func() // is called when nothing of it runs any more, be it closed or not; it may be nil
	Most       int64  // how long the response's body may be; 0 means that nothing bounds it
}

// Limits say how long each step may take. 0 means the default.
type Limits struct {
	Connect time.Duration // to look the name up and connect: 5 s, at most 30 s
	TLS     time.Duration // to agree on encryption: 5 s, at most 30 s
	Header  time.Duration // from the request's last byte to the response's first: 30 s
	Total   time.Duration // all of it, the response's body included: 60 s
}

// Limits on what a plugin may say.
const (
	MaxURL       = 16 << 10 // bytes
	MaxHeaders   = 64 << 10 // bytes of names and values
	MaxBody      = 64 << 10 // bytes at once: longer bodies are streamed
	MaxRedirects = 10
	MaxStep      = 30 * time.Second // to connect, and for TLS
	MaxTotal     = time.Hour
)

var errURL = errors.New("malformed URL")

// ParseURL reads an absolute URL with scheme http or https, a host, and
// neither user nor fragment, of visible ASCII characters.
func ParseURL(s string) (*url.URL, error) {
	if len(s) > MaxURL {
		return nil, errURL
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return nil, errURL
		}
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errURL
	}
	return u, checkURL(u)
}

func checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || u.User != nil {
		return errURL
	}
	host, _, err := cutPort(u.Host)
	if err != nil {
		return errURL
	}
	if _, ok := canonicalHost(host); !ok {
		return errURL
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return nil
}

// AddHeader adds a header of a request. The caller has checked name and value.
func (r *Request) AddHeader(name, value string) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header[textproto.CanonicalMIMEHeaderKey(name)] = append(r.Header[textproto.CanonicalMIMEHeaderKey(name)], value)
}

// ours are the headers that belong to one connection (RFC 9110, section
// 7.6.1) or frame a message: a plugin's have no effect. Host is that of the
// URL, which is what was granted.
var ours = [...]string{
	"Connection", "Content-Length", "Expect", "Host", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// dropOurs removes them, and those that Connection names.
func dropOurs(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range ours {
		delete(h, name)
	}
}

func (r *Request) end() {
	if r.Ended != nil {
		r.Ended()
	}
}

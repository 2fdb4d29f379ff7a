package host

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// example is an exchange as the server hands it over in the log phase.
func example() *Exchange {
	client := &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, Issuer: pkix.Name{CommonName: "authority"}, SerialNumber: big.NewInt(4095)}
	x := &Exchange{
		Request:    &fasthttp.Request{},
		Response:   &fasthttp.Response{},
		Epoch:      time.Now().Add(-time.Hour),
		RemoteAddr: netip.MustParseAddrPort("[::ffff:192.0.2.1]:50000"),
		LocalAddr:  netip.MustParseAddrPort("[2001:db8::1]:8443"),
		TLS:        &tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: "api.example.com", VerifiedChains: [][]*x509.Certificate{{client}}},
		Connection: 1 << 63,
		Requests:   3,
		Route:      "api",
		BytesSent:  5000,
		BodySent:   4800,
	}
	x.Request.SetRequestURI("/a%20b//c?q=1+2&e=")
	x.Request.Header.SetMethod("PUT")
	x.Request.Header.SetHost("Example.com:8443")
	x.Request.Header.Set("User-Agent", "test/1")
	x.Request.Header.Set("X-Two-Parts", "both")
	x.Request.Header.SetCookie("id", "7")
	x.Response.SetStatusCode(201)
	x.Response.Header.Set("X-Answer", "42")
	return x
}

func TestVariables(t *testing.T) {
	want := map[string]string{ // regular expressions
		"args":                   `q=1\+2&e=`,
		"body_bytes_sent":        `4800`,
		"bytes_sent":             `5000`,
		"connection":             `9223372036854775808`,
		"connection_requests":    `3`,
		"host":                   `example\.com`,
		"remote_addr":            `192\.0\.2\.1`,
		"remote_port":            `50000`,
		"request_id":             `[0-9a-f]{32}`,
		"request_method":         `PUT`,
		"request_time":           `3\d\d\d\.\d{6}`,
		"request_uri":            `/a%20b//c\?q=1\+2&e=`,
		"route":                  `api`,
		"scheme":                 `https`,
		"server_addr":            `2001:db8::1`,
		"server_port":            `8443`,
		"server_protocol":        `HTTP/1\.1`,
		"ssl_cipher":             `TLS_AES_128_GCM_SHA256`,
		"ssl_client_fingerprint": `[0-9a-f]{40}`,
		"ssl_client_i_dn":        `CN=authority`,
		"ssl_client_s_dn":        `CN=alice`,
		"ssl_client_serial":      `FFF`,
		"ssl_client_verify":      `SUCCESS`,
		"ssl_protocol":           `TLSv1\.2`,
		"ssl_server_name":        `api\.example\.com`,
		"ssl_session_reused":     `\.`,
		"status":                 `201`,
		"uri":                    `/a b/c`,
	}
	x := example()
	for _, v := range variables {
		if want[v.name] == "" {
			t.Errorf("%s has no example here", v.name)
			continue
		}
		got := string(v.append(x, []byte("before ")))
		if !regexp.MustCompile(`^before ` + want[v.name] + `$`).MatchString(got) {
			t.Errorf("%s is %q, want %q behind what was there before", v.name, got, want[v.name])
		}
	}
	if len(variables) != len(want) {
		t.Errorf("%d variables, %d examples", len(variables), len(want))
	}
}

func TestVariableFamilies(t *testing.T) {
	x := example()
	for _, c := range []struct {
		name, rest, want string
		found            bool
	}{
		{"http_", "user_agent", "test/1", true},
		{"http_", "x_two_parts", "both", true},
		{"http_", "x_none", "", false},
		{"sent_http_", "x_answer", "42", true},
		{"sent_http_", "x_none", "", false},
		{"arg_", "q", "1 2", true},
		{"arg_", "e", "", true},
		{"arg_", "Q", "", false},
		{"cookie_", "id", "7", true},
		{"cookie_", "none", "", false},
	} {
		known := false
		for _, p := range prefixes {
			if p.name != c.name {
				continue
			}
			known = true
			if got := p.find(x, []byte(c.rest)); string(got) != c.want || (got != nil) != c.found {
				t.Errorf("%s%s is %q (found %v), want %q (%v)", c.name, c.rest, got, got != nil, c.want, c.found)
			}
		}
		if !known {
			t.Errorf("no family %s", c.name)
		}
	}
}

// A header's name is looked up with dashes; the guest's own memory keeps its
// underscores.
func TestHeaderName(t *testing.T) {
	x := &Exchange{}
	name := []byte("x_forwarded_for")
	if got := x.headerName(name); string(got) != "x-forwarded-for" || string(name) != "x_forwarded_for" {
		t.Errorf("got %q from %q", got, name)
	}
}

// The SDK's documentation names every variable.
func TestVariableNames(t *testing.T) {
	text, err := os.ReadFile("../../sdk/variable.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(VariableNames(), ", ") {
		if !regexp.MustCompile(`(?m)^//.*\b` + name + `\b`).Match(text) {
			t.Errorf("sdk/variable.go does not name %s", name)
		}
	}
	if !slices.IsSortedFunc(variables, func(a, b variable) int { return strings.Compare(a.name, b.name) }) {
		t.Error("the variables are not sorted")
	}
}

func TestAppendHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                 "",
		"example.com":      "example.com",
		"EXAMPLE.Com":      "example.com",
		"example.com:80":   "example.com",
		"example.com:":     "example.com",
		"192.0.2.1:8080":   "192.0.2.1",
		"[2001:DB8::1]":    "[2001:db8::1]",
		"[2001:db8::1]:80": "[2001:db8::1]",
		"[::1]":            "[::1]",
		"É.example":        "É.example", // only ASCII has a lower case here
	} {
		if got := string(AppendHost([]byte("x"), []byte(host))); got != "x"+want {
			t.Errorf("%q: got %q, want %q", host, got, "x"+want)
		}
	}
}

func TestAppendAddr(t *testing.T) {
	for _, c := range []struct {
		addr netip.AddrPort
		want string
	}{
		{netip.AddrPort{}, ""},
		{netip.MustParseAddrPort("192.0.2.1:80"), "192.0.2.1"},
		{netip.MustParseAddrPort("[::ffff:192.0.2.1]:80"), "192.0.2.1"},
		{netip.MustParseAddrPort("[2001:db8::1]:80"), "2001:db8::1"},
	} {
		if got := string(appendAddr([]byte("x"), c.addr)); got != "x"+c.want {
			t.Errorf("%v: got %q, want %q", c.addr, got, "x"+c.want)
		}
	}
}

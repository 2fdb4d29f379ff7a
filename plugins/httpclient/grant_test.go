package httpclient

import (
	"net/netip"
	"strings"
	"testing"
)

func TestGrants(t *testing.T) {
	for _, test := range []struct{ grant, allowed, refused string }{
		{"api.example.com", "http://api.example.com/ https://api.example.com/x https://API.example.com:443/ http://api.example.com:80 http://api.example.com./",
			"http://example.com/ http://x.api.example.com/ http://api.example.com:443/ https://api.example.com:80/ http://api.example.com.evil.org/ http://xapi.example.com/"},
		{"API.Example.com.:8443", "http://api.example.com:8443/ https://api.example.com:8443/", "https://api.example.com/ http://api.example.com:8444/"},
		{"*.example.org:443", "https://a.example.org/ https://a.b.example.org/ http://a.example.org:443/",
			"https://example.org/ http://a.example.org/ https://aexample.org/ https://a.example.org.evil.com/ https://1.2.3.4/"},
		{"127.0.0.1:9000", "http://127.0.0.1:9000/ http://[::ffff:127.0.0.1]:9000/ http://[::ffff:7f00:1]:9000/",
			"http://127.0.0.1/ http://127.0.0.2:9000/ http://localhost:9000/ http://2130706433:9000/ http://127.1:9000/ http://0x7f.0.0.1:9000/ http://[::1]:9000/"},
		{"http://internal:8080", "http://internal:8080/", "https://internal:8080/ http://internal/"},
		{"https://internal", "https://internal/", "http://internal/ http://internal:443/"},
		{"::1", "http://[::1]/ https://[0:0::1]/", "http://[::1]:8080/ http://[::2]/ http://1/"},
		{"[2001:db8::1]:80", "http://[2001:db8:0::1]/", "https://[2001:db8::1]/"},
		{"localhost:1", "http://localhost:1/", "http://127.0.0.1:1/ http://localhost.localdomain:1/"},
	} {
		grants, err := ParseGrants([]string{"unused.example", test.grant})
		if err != nil {
			t.Errorf("%s: %v", test.grant, err)
			continue
		}
		check := func(rawURL string, want bool) {
			u, err := ParseURL(rawURL)
			if err != nil {
				t.Errorf("%s: %v", rawURL, err)
			} else if got := grants.Allow(u); got != want {
				t.Errorf("%s allows %s: %v, want %v", test.grant, rawURL, got, want)
			} else if own, err := ParseGrant(GrantFor(u)); err != nil || !(Grants{own}).Allow(u) {
				t.Errorf("%s is the grant for %s: %v", GrantFor(u), rawURL, err)
			}
		}
		for rawURL := range strings.FieldsSeq(test.allowed) {
			check(rawURL, true)
		}
		for rawURL := range strings.FieldsSeq(test.refused) {
			check(rawURL, false)
		}
	}
}

func TestBadGrants(t *testing.T) {
	for pattern, want := range map[string]string{
		"": "write a host", "*": "write a host", "*.": "write a host", "a..b": "write a host", "a b": "write a host", "ä.example": "write a host",
		"a*.example.com": "write a host", "http://": "write a host", "[::1": "write a host", "[1.2.3.4]": "write a host", "fe80::1%eth0": "write a host", "127.0.0.1.": "write a host",
		"ftp://a": "the scheme must be", "a/path": "without path", "user@a": "without path", "http://a/": "without path",
		"a:0": "the port must be", "a:65536": "the port must be", "a:http": "the port must be", "a:": "the port must be", "a:+1": "the port must be",
		"*.127.0.0.1": "a wildcard stands before", strings.Repeat("x", 64): "write a host",
	} {
		if _, err := ParseGrant(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", pattern, err, want)
		}
	}
}

// An address with a dot behind it would be looked up as a name, and taken for
// the address that is granted.
func TestBadHosts(t *testing.T) {
	for _, host := range []string{"127.0.0.1.", "1.2.3.4.:80", "[::1]x", "[::1%25eth0]", "[fe80::1%25lo]", "::1", "a..", ".", "a:b:80", "a:-1", "a:", "[127.0.0.1]", "%31.2.3.4", "ⓔxample"} {
		if u, err := ParseURL("http://" + host + "/"); err == nil {
			t.Errorf("%s is taken for %s", host, GrantFor(u))
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		addr string
		what string // empty: any name may lead there
	}{
		{"192.0.2.1", ""}, {"10.0.0.1", ""}, {"172.16.5.4", ""}, {"192.168.1.1", ""}, {"100.64.0.1", ""}, {"2001:db8::1", ""}, {"fd12:3456::1", ""},
		{"64:ff9b::c000:201", ""}, {"2002:c000:201::1", ""},
		{"127.0.0.1", "loopback"}, {"127.8.9.1", "loopback"}, {"::1", "loopback"}, {"::ffff:127.0.0.1", "loopback"}, {"::127.0.0.1", "loopback"},
		{"64:ff9b::7f00:1", "loopback"}, {"2002:7f00:1::", "loopback"},
		{"169.254.169.254", "link-local"}, {"169.254.0.1", "link-local"}, {"fe80::1", "link-local"}, {"fe80::1%eth0", "link-local"}, {"::ffff:169.254.169.254", "link-local"},
		{"fd00:ec2::254", "metadata"}, {"fd00:ec2::23", "metadata"}, {"fd00:c1::a9fe:a9fe", "metadata"}, {"fd00:42::42", "metadata"}, {"192.0.0.192", "metadata"},
		{"64:ff9b::a83f:8110", "metadata"}, {"100.100.100.200", "metadata"},
		{"224.0.0.1", "multicast"}, {"ff02::1", "multicast"}, {"::ffff:224.0.0.1", "multicast"},
		{"0.0.0.0", "no machine"}, {"0.1.2.3", "no machine"}, {"::", "no machine"}, {"255.255.255.255", "broadcast"},
		{"fec0::1", "nobody"}, {"64:ff9b:1::1", "nobody"},
	} {
		addr := netip.MustParseAddr(test.addr)
		err := checkAddress("a.example", addr)
		if test.what == "" && err != nil || test.what != "" && (err == nil || !strings.Contains(err.Error(), test.what) || errnoOf(err) != -3) {
			t.Errorf("a.example → %s: %v, want %q", addr, err, test.what)
		}
		if err := checkAddress(addr.WithZone("").Unmap().String(), addr); err != nil {
			t.Errorf("the address itself: %v", err)
		}
		if err := checkAddress("localhost", addr); (err == nil) != (test.what == "" || addr.Unmap().IsLoopback()) {
			t.Errorf("localhost → %s: %v", addr, err)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{"http://a/", "https://[::1]:8080/x?y", "http://a@b/", "http://a:b@c", "//a", "http:a", "http://%41/", "http://a\\@b/", "http://a%2fb/"} {
		f.Add(s)
	}
	grants, _ := ParseGrants([]string{"granted.example", "*.granted.example"})
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURL(s)
		if err != nil {
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || GrantFor(again) != GrantFor(u) {
			t.Errorf("%q becomes %q: %v", s, u, err)
		}
		if grants.Allow(u) && !strings.Contains(strings.ToLower(s), "granted.example") {
			t.Errorf("%q is allowed", s)
		}
	})
}

package main

import (
	"strings"
	"testing"

	"phasm/sdk/sdktest"
)

var config = sdktest.Config{
	"header": "X-Rewritten",
	"rules":  map[string]string{"/old/": "/new/", "/old/special/": "/special/", "/blog": "/weblog", "/a b/": "/ä/"},
}

func TestRewrite(t *testing.T) {
	for _, test := range []struct{ target, want string }{
		{"/old/page", "/new/page"},
		{"/old/page?a=1&b=%20", "/new/page?a=1&b=%20"},
		{"/old/", "/new/"},
		{"/old", ""},
		{"/older/page", ""},
		{"/old/special/page", "/special/page"},
		{"/blog", "/weblog"},
		{"/blog/1?q", "/weblog/1?q"},
		{"/blogger", ""},
		{"/new/old/page", ""},
		{"/x/../old//page", "/new/page"},
		{"/%6fld/a%20b%3F%23%25?c=%3f", "/new/a%20b%3F%23%25?c=%3f"},
		{"/a%20b/;x=1", "/%C3%A4/;x=1"},
		{"/", ""},
	} {
		h := sdktest.New(t, config)
		first := h.Do(sdktest.Request{Target: test.target})
		if first.Exec != test.want {
			t.Errorf("%s is sent to %q, want %q", test.target, first.Exec, test.want)
		}
		if first.Exec == "" {
			continue
		}
		// The server begins anew, with the same context.
		second := h.Do(sdktest.Request{Target: first.Exec, Ctx: first.Request.Ctx})
		if second.Exec != "" || second.Header.Get("X-Rewritten") != test.want {
			t.Errorf("%s is then sent to %q with header %q", test.target, second.Exec, second.Header.Get("X-Rewritten"))
		}
	}
}

// TestCircle has two rules that undo each other.
func TestCircle(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"rules": map[string]string{"/a": "/b", "/b": "/a"}})
	first := h.Do(sdktest.Request{Target: "/a"})
	second := h.Do(sdktest.Request{Target: first.Exec, Ctx: first.Request.Ctx})
	if first.Exec != "/b" || second.Exec != "" || len(second.Header) > 0 {
		t.Errorf("/a is sent to %q, then to %q with %v", first.Exec, second.Exec, second.Header)
	}
}

// TestLongQuery has a target that the context cannot hold.
func TestLongQuery(t *testing.T) {
	h := sdktest.New(t, config)
	resp := h.Do(sdktest.Request{Target: "/old/?" + strings.Repeat("x", 64<<10)})
	if resp.Status != 500 || resp.Exec != "" {
		t.Errorf("got %d, sent to %q", resp.Status, resp.Exec)
	}
}

func TestBadRules(t *testing.T) {
	for _, test := range []struct {
		config sdktest.Config
		want   string
	}{
		{nil, "there are no rules"},
		{sdktest.Config{"rules": map[string]string{}}, "there are no rules"},
		{sdktest.Config{"rules": []string{"/a"}}, `cannot use config.rules = "[\"/a\"]": it must be a table`},
		{sdktest.Config{"rules": map[string]string{"a/": "/b/"}}, `cannot use the rule "a/" = "/b/": both begin with a slash`},
		{sdktest.Config{"rules": map[string]string{"/a": "https://b"}}, `cannot use the rule "/a" = "https://b": both begin with a slash`},
		{sdktest.Config{"rules": map[string]string{"/a/": "/b"}}, `cannot use the rule "/a/" = "/b": both end in a slash, or neither does`},
	} {
		if _, err := sdktest.Start(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: the error is %v, want %s", test.config, err, test.want)
		}
	}
}

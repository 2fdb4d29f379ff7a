package config

import "testing"

func TestParseHash(t *testing.T) {
	for text, want := range map[string]HashKey{
		"uri":            {},
		"address":        {Source: HashAddress},
		"header:x-user":  {HashHeader, "X-User"},
		"header:X-USER":  {HashHeader, "X-User"},
		"cookie:session": {HashCookie, "session"},
	} {
		if got, err := ParseHash(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "url", "uri:", "uri:a", "address:", "header", "header:", "header:a b", "cookie", "cookie:", "cookie:a=b", "cookie:a;b", ":", "Header:a"} {
		if got, err := ParseHash(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

//go:build !wasip1

package sdk

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "plain", `"\/`, "\x00\b\f\n\r\t\x1f\x7f", "ü €😀\u2028", "<script>&", "\xff\xc3", "a\xf0\x9f", ",:[]{}"} {
		f.Add(s, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		want := strings.ToValidUTF8(a, "\x00") // one for one
		quoted := AppendJSONString([]byte("x"), a)
		if got := AppendJSONString([]byte("x"), []byte(a)); string(got) != string(quoted) {
			t.Errorf("as bytes %q is %q", a, got)
		}
		var back string
		if err := json.Unmarshal(quoted[1:], &back); err != nil {
			t.Fatalf("%q was written as %s: %v", a, quoted, err)
		}
		if !strings.Contains(want, "\x00") && back != a {
			t.Errorf("%q was written as %s", a, quoted)
		}

		a, b = strings.ToValidUTF8(a, ""), strings.ToValidUTF8(b, "")
		list, _ := json.Marshal([]any{a, b, map[string]any{a: b}, 1.5})
		items, err := arrayItems(string(list))
		inner, _ := json.Marshal(map[string]any{a: b})
		if err != nil || !slices.Equal(items, []string{a, b, string(inner), "1.5"}) {
			t.Errorf("the items of %s are %q, %v", list, items, err)
		}
		table, _ := json.Marshal(map[string]any{a: []string{b}, "k": nil})
		var decoded map[string]any
		json.Unmarshal(table, &decoded)
		keys, err := objectKeys(string(table))
		if err != nil || len(keys) != len(decoded) || !slices.Contains(keys, a) || !slices.Contains(keys, "k") {
			t.Errorf("the keys of %s are %q, %v", table, keys, err)
		}
	})
}

func TestUnquoteJSON(t *testing.T) {
	for _, s := range []string{`"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u00fC\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`, `"\ude00\ud83d"`} {
		var want string
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatal(err)
		}
		if got, err := unquoteJSON(s); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", s, got, err, want)
		}
	}
	for _, s := range []string{`"`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"a`} {
		if got, err := unquoteJSON(s); err == nil {
			t.Errorf("%s is %q, want an error", s, got)
		}
	}
}

func TestBrokenJSON(t *testing.T) {
	for _, s := range []string{"", "[", "{}", "[}", `["a]`, `["\x"]`} {
		if items, err := arrayItems(s); err == nil {
			t.Errorf("the items of %q are %q", s, items)
		}
	}
	for _, s := range []string{"", "{", "[]", `{"a:1}`, `{"\x":1}`} {
		if keys, err := objectKeys(s); err == nil {
			t.Errorf("the keys of %q are %q", s, keys)
		}
	}
}

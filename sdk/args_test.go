//go:build !wasip1

package sdk_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestParseArgs(t *testing.T) {
	for encoded, want := range map[string]sdk.Args{
		"":                    nil,
		"&&=&":                nil,
		"a=1":                 {{"a", "1"}},
		"a=x+y&b&a=%32&c=":    {{"a", "x y"}, {"b", ""}, {"a", "2"}, {"c", ""}},
		"=v&a==&a=b=c":        {{"", "v"}, {"a", "="}, {"a", "b=c"}},
		"%61+%3d=%26%3D%2b+":  {{"a =", "&=+ "}},
		"a=%&b=%4&c=%4g&%zz+": {{"a", "%"}, {"b", "%4"}, {"c", "%4g"}, {"%zz ", ""}},
		"a=%ff%00\xfe\n;b=1":  {{"a", "\xff\x00\xfe\n;b=1"}},
	} {
		for max := -1; max < len(want)+2; max++ {
			first, wantErr := want, error(nil)
			if max >= 0 && max < len(want) {
				first, wantErr = want[:max], sdk.ErrNoMemory
			}
			got, err := sdk.ParseArgs(encoded, max)
			if !slices.Equal(got, first) || err != wantErr {
				t.Errorf("%q, at most %d: %q, error %v, want %q, %v", encoded, max, got, err, first, wantErr)
			}
		}
	}
}

func TestArgs(t *testing.T) {
	args := sdk.Args{{"a", "1"}, {"b", ""}, {"a", "2"}}
	equal(t, "a", args.Get("a"), "1")
	equal(t, "A", args.Get("A"), "")
	equal(t, "b is there", args.Has("b"), true)
	equal(t, "c is there", args.Has("c"), false)
	equalList(t, "all a", args.Values("a"), []string{"1", "2"})
	equalList(t, "all c", args.Values("c"), nil)
}

func TestQueryArgs(t *testing.T) {
	during(t, abi.Log, sdktest.Request{Target: "/?x=1&y=a+b&x=%32&empty"}, func(r *sdk.Request) {
		args, err := r.QueryArgs(4)
		fails(t, "arguments", err, nil)
		equalList(t, "arguments", args, sdk.Args{{"x", "1"}, {"y", "a b"}, {"x", "2"}, {"empty", ""}})
		args, err = r.QueryArgs(3)
		fails(t, "too many arguments", err, sdk.ErrNoMemory)
		equalList(t, "the first", args, sdk.Args{{"x", "1"}, {"y", "a b"}, {"x", "2"}})
	})
}

func TestFormArgs(t *testing.T) {
	for _, test := range []struct {
		contentType, body string
		bodyErr           error
		limit, max        int
		want              sdk.Args
		err               error
	}{
		{"application/x-www-form-urlencoded", "a=1&b=x+y", nil, 9, 2, sdk.Args{{"a", "1"}, {"b", "x y"}}, nil},
		{"Application/X-WWW-Form-Urlencoded ; charset=utf-8", "a", nil, 9, 2, sdk.Args{{"a", ""}}, nil},
		{"application/x-www-form-urlencoded", "a=1&b=2", nil, 9, 1, sdk.Args{{"a", "1"}}, sdk.ErrNoMemory},
		{"application/x-www-form-urlencoded", "a=1&b=2", nil, 6, 2, nil, sdk.ErrNoMemory},
		{"application/x-www-form-urlencoded", "a=1&b=", sdk.ErrTimeout, 9, 2, nil, sdk.ErrTimeout},
		{"application/x-www-form-urlencoded", "", nil, 9, 2, nil, nil},
		{"application/json", "a=1", nil, 9, 2, nil, nil},
		{"", "a=1", nil, 9, 2, nil, nil},
	} {
		request := sdktest.Request{Method: "POST", Body: test.body, BodyErr: test.bodyErr, Header: http.Header{"Content-Type": {test.contentType}}}
		during(t, abi.Access, request, func(r *sdk.Request) {
			args, err := r.FormArgs(test.limit, test.max)
			if !slices.Equal(args, test.want) || err != test.err {
				t.Errorf("%+v: got %q, error %v", test, args, err)
			}
		})
	}
}

// The strings are the arguments' own: nobody can change them afterwards.
func TestArgsAreCopies(t *testing.T) {
	form := []byte("a=1&b=2")
	args, err := sdk.ParseArgs(form, -1)
	copy(form, "&&&&&&&")
	if err != nil || !slices.Equal(args, sdk.Args{{"a", "1"}, {"b", "2"}}) {
		t.Errorf("the arguments have become %q, error %v", args, err)
	}
}

// cutEscape is an escape that its argument's end cuts short: fasthttp leaves a
// plus behind such a percent sign as it is.
var cutEscape = regexp.MustCompile(`(?s)%.?([&=]|$)`)

// FuzzParseArgs reads hostile forms as the server reads queries, so that no
// filter sees another form than what is behind it, and reads back what net/url
// writes.
func FuzzParseArgs(f *testing.F) {
	for _, s := range []string{"", "a=1&b=2", "&&=&=", "%", "%4", "a=%zz&%ff=+", "=v", "a=b=c%26", "\xff\x00%00", "a;b", strings.Repeat("&a", 50)} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		args, err := sdk.ParseArgs(s, -1)
		if err != nil {
			t.Fatal(err)
		}
		if !cutEscape.MatchString(s) {
			var theirs sdk.Args
			var parsed fasthttp.Args
			parsed.Parse(s)
			for name, value := range parsed.All() {
				theirs = append(theirs, sdk.Arg{Name: string(name), Value: string(value)})
			}
			if !slices.Equal(args, theirs) {
				t.Errorf("%q is %q, to fasthttp %q", s, args, theirs)
			}
		}
		first, err := sdk.ParseArgs([]byte(s), max)
		if n := len(args); max >= 0 && max < n {
			if err != sdk.ErrNoMemory || !slices.Equal(first, args[:max]) {
				t.Errorf("the first %d of %q are %q, error %v", max, s, first, err)
			}
		} else if err != nil || !slices.Equal(first, args) {
			t.Errorf("at most %d of %q are %q, error %v", max, s, first, err)
		}
		unescaped := sdk.AppendUnescaped([]byte("x"), s)
		inPlace := []byte(s)
		if inPlace = sdk.AppendUnescaped(inPlace[:0], inPlace); !bytes.Equal(inPlace, unescaped[1:]) || len(inPlace) > len(s) {
			t.Errorf("%q is %q, in place %q", s, unescaped[1:], inPlace)
		}
		if got := sdk.AppendUnescaped(nil, url.QueryEscape(s)); string(got) != s {
			t.Errorf("%q is escaped as %q, and that read as %q", s, url.QueryEscape(s), got)
		}
	})
}

//go:build !wasip1

package sdk_test

import (
	"fmt"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestRegexp(t *testing.T) {
	sdktest.New(t, nil)
	pair := sdk.MustCompile(`(?i)(?P<key>\w+)=(\w+)?`)
	equal(t, "match", pair.Match("A=b"), true)
	equal(t, "match", pair.Match("A-b"), false)
	equal(t, "match of bytes", pair.MatchBytes([]byte("A=b")), true)
	equal(t, "the pattern", pair.String(), `(?i)(?P<key>\w+)=(\w+)?`)
	equalList(t, "the names", pair.Names(), []string{"", "key", ""})

	match, found := pair.Find("a, b=c, d=e")
	equal(t, "found", found, true)
	equal(t, "the match", match, "b=c")
	match, found = pair.Find("none")
	equal(t, "found", found, false)
	equal(t, "no match", match, "")
	equalList(t, "the groups", pair.FindSubmatch("a, b=c, d=e"), []string{"b=c", "b", "c"})
	equalList(t, "the groups", pair.FindSubmatch("b="), []string{"b=", "b", ""})
	equalList(t, "no groups", pair.FindSubmatch("none"), nil)
	equalList(t, "the positions", pair.AppendIndex([]int{7}, "b="), []int{7, 0, 2, 0, 1, -1, -1})
	equalList(t, "no positions", pair.AppendIndex([]int{7}, "none"), []int{7})

	for max, want := range map[int][]string{-1: {"a=b", "c=d", "e="}, 2: {"a=b", "c=d"}, 0: nil} {
		all, err := pair.FindAll("a=b&c=d&e=", max)
		fails(t, "all", err, nil)
		equalList(t, fmt.Sprint("at most ", max), all, want)
	}
	groups, err := pair.FindAllSubmatch("a=b&e=", -1)
	fails(t, "all groups", err, nil)
	equal(t, "all groups", fmt.Sprintf("%q", groups), `[["a=b" "a" "b"] ["e=" "e" ""]]`)
	all, err := pair.FindAll(strings.Repeat("a=b&", 10_000), -1) // more than the buffer holds
	fails(t, "many", err, nil)
	equal(t, "many", len(all), 10_000)

	text, err := pair.Replace("a=b&c=d", "${key}:$2", -1)
	fails(t, "replace", err, nil)
	equal(t, "replaced", text, "a:b&c:d")
	text, err = pair.Replace("a=b&c=d", "${nokey}", -1)
	fails(t, "replace", err, sdk.ErrBadArgument)
	equal(t, "not replaced", text, "")
	appended(t, "replaced", "x&"+long, func(dst []byte) ([]byte, error) { return pair.AppendReplace(dst, "a=b&"+long, "x", 1) })
}

// A pattern is good on each server, one after the other.
func TestMustCompile(t *testing.T) {
	outer, err := sdktest.Start(nil) // forgets the pattern when it is closed
	fails(t, "start", err, nil)
	defer outer.Close()
	first := sdk.MustCompile("first")
	for range 2 {
		second := sdk.MustCompile("second")
		h, err := sdktest.Start(nil)
		fails(t, "start", err, nil)
		equal(t, "first", first.Match("first"), true)
		equal(t, "second", second.Match("second"), true)
		equal(t, "first", first.Match("second"), false)
		h.Close()
	}
}

func TestCompile(t *testing.T) {
	h := sdktest.New(t, nil)
	late := sdk.MustCompile("a+")
	equal(t, "late", late.Match("baab"), true)
	_, err := sdk.Compile("(a")
	fails(t, "malformed", err, sdk.ErrBadArgument)
	equal(t, "the error", err.Error(), `cannot compile the regular expression "(a": bad argument`)
	equal(t, "logged", h.Messages()[0], "cannot compile the regular expression \"(a\": error parsing regexp: missing closing ): `(a`")
	for n := range 2000 {
		if _, err = sdk.Compile(fmt.Sprint("number ", n)); err != nil {
			break
		}
	}
	fails(t, "too many", err, sdk.ErrNoMemory)
}

// A malformed pattern in a package variable keeps the plugin from being loaded.
func TestMalformedPattern(t *testing.T) {
	outer, err := sdktest.Start(nil) // forgets the pattern when it is closed
	fails(t, "start", err, nil)
	defer outer.Close()
	sdk.MustCompile("a{2,1}")
	_, err = sdktest.Start(nil)
	if err == nil || !strings.Contains(err.Error(), "a{2,1}") {
		t.Errorf("the plugin starts with error %v", err)
	}
}

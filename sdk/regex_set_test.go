//go:build !wasip1

package sdk_test

import (
	"fmt"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestRegexpSet(t *testing.T) {
	sdktest.New(t, nil)
	set := sdk.MustCompileSet("(?i)second", "first", "^$", "z")
	for text, want := range map[string]int{"first, SECOND": 0, "first": 1, "": 2, "xyz": 3, "none": -1} {
		for _, match := range []func() (int, bool){
			func() (int, bool) { return set.Match(text) },
			func() (int, bool) { return set.MatchBytes([]byte(text)) },
		} {
			n, found := match()
			equal(t, text, found, want >= 0)
			equal(t, text, n, max(0, want))
		}
	}
	empty, err := sdk.CompileSet()
	fails(t, "empty", err, nil)
	_, found := empty.Match("")
	equal(t, "found in nothing", found, false)
}

// A set is good on each server, one after the other.
func TestMustCompileSet(t *testing.T) {
	outer, err := sdktest.Start(nil) // forgets the set when it is closed
	fails(t, "start", err, nil)
	defer outer.Close()
	set := sdk.MustCompileSet("a", "b")
	for range 2 {
		h, err := sdktest.Start(nil)
		fails(t, "start", err, nil)
		n, found := set.Match("b")
		equal(t, "found", found, true)
		equal(t, "which", n, 1)
		h.Close()
	}
}

func TestCompileSet(t *testing.T) {
	h := sdktest.New(t, nil)
	_, err := sdk.CompileSet("a", "(b", "c")
	fails(t, "malformed", err, sdk.ErrBadArgument)
	equal(t, "the error", err.Error(), `cannot compile the regular expression "(b": bad argument`)
	equal(t, "logged", h.Messages()[0], "cannot compile the regular expression \"(b\": error parsing regexp: missing closing ): `(b`")
	large := strings.Repeat("a", 8<<10)
	var patterns []string
	for n := range 40 {
		patterns = append(patterns, fmt.Sprint(n, large)[:8<<10])
	}
	_, err = sdk.CompileSet(patterns...)
	fails(t, "too large", err, sdk.ErrBadArgument)
	equal(t, "the error", err.Error(), "cannot compile the set of 40 regular expressions: bad argument")
	for n := range 1000 {
		if _, err = sdk.CompileSet(fmt.Sprint("number ", n)); err != nil {
			break
		}
	}
	fails(t, "too many", err, sdk.ErrNoMemory)
}

// A malformed pattern in a package variable keeps the plugin from being loaded.
func TestMalformedSet(t *testing.T) {
	outer, err := sdktest.Start(nil) // forgets the set when it is closed
	fails(t, "start", err, nil)
	defer outer.Close()
	sdk.MustCompileSet("a", "a{2,1}")
	_, err = sdktest.Start(nil)
	if err == nil || !strings.Contains(err.Error(), "a{2,1}") {
		t.Errorf("the plugin starts with error %v", err)
	}
}

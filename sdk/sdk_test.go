//go:build !wasip1

package sdk_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

// during runs f as the plugin's handler of a phase, on a server of its own.
func during(t *testing.T, p abi.Phase, request sdktest.Request, f func(r *sdk.Request)) (*sdktest.Host, *sdktest.Exchange) {
	t.Helper()
	h, err := sdktest.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	decide := func(r *sdk.Request) sdk.Action {
		f(r)
		return sdk.Continue
	}
	switch p {
	case abi.Rewrite:
		sdk.Rewrite(decide)
	case abi.Access:
		sdk.Access(decide)
	case abi.Content:
		sdk.Content(decide)
	case abi.HeaderFilter:
		sdk.HeaderFilter(f)
	case abi.BodyFilter:
		sdk.BodyFilter(func(r *sdk.Request, _ *sdk.Chunk) { f(r) })
	case abi.Log:
		sdk.Log(f)
	default:
		t.Fatalf("%s sees no request", p)
	}
	x := h.Begin(request)
	x.Run(p)
	return h, x
}

// equal reports a value that is not the one wanted.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %#v, want %#v", what, got, want)
	}
}

// equalList is equal for slices.
func equalList[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s is %#v, want %#v", what, got, want)
	}
}

// fails reports an error that is not the one wanted.
func fails(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: the error is %v, want %v", what, got, want)
	}
}

// appended checks that a function appends to what is there, with room and
// without.
func appended(t *testing.T, what, want string, appendTo func(dst []byte) ([]byte, error)) {
	t.Helper()
	for _, dst := range [][]byte{nil, []byte("before "), append(make([]byte, 0, 8<<10), "before "...)} {
		before := string(dst)
		got, err := appendTo(dst)
		if err != nil || string(got) != before+want {
			t.Errorf("%s appended to %q makes %q and error %v, want %q", what, before, got, err, before+want)
		}
	}
}

// notThere checks that a function appends nothing and says so.
func notThere(t *testing.T, what string, appendTo func(dst []byte) ([]byte, error)) {
	t.Helper()
	got, err := appendTo([]byte("before"))
	fails(t, what, err, sdk.ErrNotFound)
	equal(t, what, string(got), "before")
}

// long does not fit into the buffer that strings are made from.
var long = strings.Repeat("0123456789", 1000)

//go:build !wasip1

package sdk_test

import (
	"net/http"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestRequestHeader(t *testing.T) {
	request := sdktest.Request{Header: http.Header{"Accept": {"a", "b, c"}, "X-Long": {long}, "X-Empty": {""}}}
	_, x := during(t, abi.Access, request, func(r *sdk.Request) {
		equal(t, "accept", r.Header("accept"), "a")
		equal(t, "long", r.Header("x-long"), long)
		equal(t, "long once more", r.Header("x-long"), long)
		equal(t, "none", r.Header("none"), "")
		equal(t, "accept is there", r.HasHeader("ACCEPT"), true)
		equal(t, "an empty one is there", r.HasHeader("X-Empty"), true)
		equal(t, "none is there", r.HasHeader("none"), false)
		appended(t, "accept", "a", func(dst []byte) ([]byte, error) { return r.AppendHeader(dst, "Accept") })
		appended(t, "long", long, func(dst []byte) ([]byte, error) { return r.AppendHeader(dst, "X-Long") })
		notThere(t, "none", func(dst []byte) ([]byte, error) { return r.AppendHeader(dst, "none") })
		equalList(t, "all accept", r.HeaderValues("accept"), []string{"a", "b, c"})

		fails(t, "set", r.SetHeader("accept", "d"), nil)
		fails(t, "add", r.AddHeader("accept", "e"), nil)
		fails(t, "set bytes", r.SetHeaderBytes("x-long", []byte("short")), nil)
		fails(t, "remove", r.RemoveHeader("x-empty"), nil)
		fails(t, "remove none", r.RemoveHeader("none"), nil)
		fails(t, "two lines", r.SetHeader("x-bad", "a\r\nb: c"), sdk.ErrBadArgument)
		fails(t, "no name", r.AddHeader("", "a"), sdk.ErrBadArgument)
		var lines []string
		for name, value := range r.Headers() {
			lines = append(lines, name+": "+value)
		}
		equalList(t, "headers", lines, []string{"Host: example.com", "Accept: d", "X-Long: short", "Accept: e"})
		list, err := r.AppendHeaders(nil)
		fails(t, "list", err, nil)
		n := 0
		for range sdk.Pairs(list) {
			n++
		}
		equal(t, "headers in the list", n, len(lines))
	})
	equalList(t, "accept upstream", x.Request().Header["Accept"], []string{"d", "e"})

	during(t, abi.HeaderFilter, request, func(r *sdk.Request) {
		equal(t, "accept", r.Header("accept"), "a")
		fails(t, "set in header_filter", r.SetHeader("a", "b"), sdk.ErrWrongPhase)
		fails(t, "add in header_filter", r.AddHeader("a", "b"), sdk.ErrWrongPhase)
		fails(t, "remove in header_filter", r.RemoveHeader("a"), sdk.ErrWrongPhase)
	})
}

// TestHeadersStay sees that going through headers is not disturbed by what
// happens meanwhile.
func TestHeadersStay(t *testing.T) {
	request := sdktest.Request{Header: http.Header{"A": {"1"}, "B": {"2"}, "C": {"3"}}}
	during(t, abi.Rewrite, request, func(r *sdk.Request) {
		var seen []string
		for name, value := range r.Headers() {
			r.RemoveHeader(name)
			r.Variable("request_id")
			if seen = append(seen, name+value); len(seen) == 3 {
				break
			}
		}
		equalList(t, "seen", seen, []string{"Hostexample.com", "A1", "B2"})
		equalList(t, "left", r.HeaderValues("c"), []string{"3"})
	})
}

//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestResponseHeader(t *testing.T) {
	_, x := during(t, abi.HeaderFilter, sdktest.Request{}, func(r *sdk.Request) {
		w := r.Response()
		fails(t, "set", w.SetHeader("x-one", "1"), nil)
		fails(t, "add", w.AddHeader("x-one", "2"), nil)
		fails(t, "set bytes", w.SetHeaderBytes("x-two", []byte(long)), nil)
		fails(t, "length", w.SetHeader("Content-Length", "5"), nil)
		fails(t, "two lines", w.SetHeader("x-bad", "a\nb"), sdk.ErrBadArgument)
		fails(t, "no token", w.AddHeader("x bad", "a"), sdk.ErrBadArgument)

		equal(t, "one", w.Header("X-ONE"), "1")
		equal(t, "two", w.Header("X-Two"), long)
		equal(t, "none", w.Header("none"), "")
		equal(t, "one is there", w.HasHeader("x-one"), true)
		equal(t, "the length is there", w.HasHeader("Content-Length"), false)
		appended(t, "one", "1", func(dst []byte) ([]byte, error) { return w.AppendHeader(dst, "x-one") })
		notThere(t, "none", func(dst []byte) ([]byte, error) { return w.AppendHeader(dst, "none") })
		equalList(t, "all one", w.HeaderValues("x-one"), []string{"1", "2"})

		fails(t, "remove", w.RemoveHeader("x-two"), nil)
		var lines []string
		for name, value := range w.Headers() {
			lines = append(lines, name+": "+value)
		}
		equalList(t, "headers", lines, []string{"X-One: 1", "X-One: 2"})
		list, err := w.AppendHeaders(nil)
		fails(t, "list", err, nil)
		for name := range sdk.Pairs(list) {
			equal(t, "name", string(name), "X-One")
		}
	})
	equalList(t, "one sent", x.Response().Header["X-One"], []string{"1", "2"})

	during(t, abi.BodyFilter, sdktest.Request{}, func(r *sdk.Request) {
		w := r.Response()
		fails(t, "set in body_filter", w.SetHeader("a", "b"), sdk.ErrWrongPhase)
		fails(t, "add in body_filter", w.AddHeader("a", "b"), sdk.ErrWrongPhase)
		fails(t, "remove in body_filter", w.RemoveHeader("a"), sdk.ErrWrongPhase)
		equal(t, "one", w.Header("x-one"), "")
	})
}

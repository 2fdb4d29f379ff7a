//go:build !wasip1

package sdk_test

import (
	"fmt"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestRequest(t *testing.T) {
	request := sdktest.Request{
		Method: "PUT",
		Target: "/a//%62/../c%20d?x=1&y=a+b&x=%32&empty",
		Params: map[string]string{"id": "7", "rest": "c d"},
	}
	during(t, abi.Log, request, func(r *sdk.Request) {
		equal(t, "method", r.Method(), "PUT")
		appended(t, "method", "PUT", r.AppendMethod)
		equal(t, "URI", r.URI(), "/a/c%20d?x=1&y=a+b&x=%32&empty")
		appended(t, "URI", "/a/c%20d?x=1&y=a+b&x=%32&empty", r.AppendURI)
		equal(t, "path", r.Path(), "/a/c d")
		appended(t, "path", "/a/c d", r.AppendPath)
		equal(t, "query string", r.QueryString(), "x=1&y=a+b&x=%32&empty")
		appended(t, "query string", "x=1&y=a+b&x=%32&empty", r.AppendQueryString)

		equal(t, "x", r.Query("x"), "1")
		equal(t, "y", r.Query("y"), "a b")
		equal(t, "none", r.Query("none"), "")
		equal(t, "empty is there", r.HasQuery("empty"), true)
		equal(t, "none is there", r.HasQuery("none"), false)
		appended(t, "second x", "2", func(dst []byte) ([]byte, error) { return r.AppendQuery(dst, "x", 1) })
		notThere(t, "third x", func(dst []byte) ([]byte, error) { return r.AppendQuery(dst, "x", 2) })
		notThere(t, "far x", func(dst []byte) ([]byte, error) { return r.AppendQuery(dst, "x", 1<<40) })
		_, err := r.AppendQuery(nil, "x", -1)
		fails(t, "x before the first", err, sdk.ErrBadArgument)
		equalList(t, "all x", r.QueryValues("x"), []string{"1", "2"})
		equalList(t, "all X", r.QueryValues("X"), nil)
		var pairs []string
		for name, value := range r.Queries() {
			pairs = append(pairs, name+"="+value)
		}
		equalList(t, "arguments", pairs, []string{"x=1", "y=a b", "x=2", "empty="})
		list, err := r.AppendQueries(nil)
		for name, value := range sdk.Pairs(list) {
			equal(t, "argument", fmt.Sprintf("%s=%s", name, value), pairs[0])
			pairs = pairs[1:]
		}
		equal(t, "arguments left", len(pairs), 0)
		fails(t, "arguments", err, nil)

		equal(t, "id", r.Param("id"), "7")
		appended(t, "id", "7", func(dst []byte) ([]byte, error) { return r.AppendParam(dst, "id") })
		notThere(t, "none", func(dst []byte) ([]byte, error) { return r.AppendParam(dst, "none") })
		var params []string
		for name, value := range r.Params() {
			params = append(params, name+"="+value)
		}
		equalList(t, "parameters", params, []string{"id=7", "rest=c d"})
	})
}

func TestStartTime(t *testing.T) {
	h := sdktest.New(t, nil)
	start := h.Now().UnixNano()
	sdk.Access(func(r *sdk.Request) sdk.Action {
		sdk.Sleep(time.Second)
		equal(t, "start", r.StartTime(), start)
		equal(t, "now", sdk.Now(), start+1e9)
		equal(t, "time", r.Variable("request_time"), "1.000000")
		equal(t, "id", r.ID(), "00000000000000000000000000000001")
		return sdk.Continue
	})
	h.Begin(sdktest.Request{}).Run(abi.Access)
}

func TestRequestChanges(t *testing.T) {
	_, x := during(t, abi.Rewrite, sdktest.Request{Target: "/a?b=c"}, func(r *sdk.Request) {
		fails(t, "method", r.SetMethod("PATCH"), nil)
		fails(t, "bad method", r.SetMethod("NO GOOD"), sdk.ErrBadArgument)
		fails(t, "URI", r.SetURI("/x%20y?z=1"), nil)
		fails(t, "bad URI", r.SetURI("x"), sdk.ErrBadArgument)
		equal(t, "path", r.Path(), "/x y")
		equal(t, "request_uri", r.Variable("request_uri"), "/a?b=c")
		fails(t, "query", r.SetQueryString("q="+long), nil)
		fails(t, "bad query", r.SetQueryString("a b"), sdk.ErrBadArgument)
		equal(t, "q", r.Query("q"), long)
	})
	equal(t, "method", x.Request().Method, "PATCH")
	equal(t, "target", x.Request().Target, "/x%20y?q="+long)

	during(t, abi.Content, sdktest.Request{}, func(r *sdk.Request) {
		fails(t, "method in content", r.SetMethod("GET"), sdk.ErrWrongPhase)
		fails(t, "URI in content", r.SetURI("/"), sdk.ErrWrongPhase)
		fails(t, "query in content", r.SetQueryString(""), sdk.ErrWrongPhase)
	})
}

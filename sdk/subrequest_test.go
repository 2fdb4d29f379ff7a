//go:build !wasip1

package sdk_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

func TestSubrequest(t *testing.T) {
	request := sdktest.Request{Header: http.Header{"X-A": {"1"}, "X-B": {"2"}, "Expect": {"100-continue"}}}
	large := strings.Repeat("x", 20<<10)
	var asked []string
	var kept sdktest.Request
	sub := func(r sdktest.Request) sdktest.Upstream {
		if kept.Body == "" {
			kept = r
		}
		asked = append(asked, fmt.Sprint(r.Method, " ", r.Target, " ", r.Host, " ", r.Header, " ", r.Body))
		return sdktest.Upstream{Status: 201, Header: http.Header{"X-C": {"3"}}, Chunks: []string{large, r.Body}}
	}
	h := sdktest.New(t, nil)
	x := h.Begin(request)
	in(t, x, abi.Access, func(*sdk.Request) {
		s, err := sdk.Subrequest{URI: "/none"}.Do()
		fails(t, "without an answer", err, nil)
		equal(t, "status", s.Status, 404)
		h.Subrequests(sub)
		text := []byte("text")
		s, err = sdk.Subrequest{Method: "PUT", URI: "/a?b", Header: [][2]string{{"x-a", "4"}}, Body: text}.Do()
		copy(text, "next") // the plugin's buffer is the plugin's
		fails(t, "subrequest", err, nil)
		equal(t, "status", s.Status, 201)
		equal(t, "header", s.Header("x-c")+s.Header("none"), "3")
		equal(t, "body", string(s.Body), large+"text")
		all, err := sdk.DoAll(sdk.Subrequest{URI: "/1"}, sdk.Subrequest{URI: "bad"}, sdk.Subrequest{URI: "/2", Body: []byte("x")}, sdk.Subrequest{URI: "/3"})
		fails(t, "a bad one", err, sdk.ErrBadArgument)
		equal(t, "responses", fmt.Sprint(all[0].Status, all[1] == nil, all[2] == nil, all[3].Status), "201 true true 201")
		many := make([]sdk.Subrequest, 33)
		for n := range many {
			many[n].URI = "/"
		}
		_, err = sdk.DoAll(many...)
		fails(t, "too many", err, sdk.ErrNoMemory)
	})
	equal(t, "kept", kept.Body, "text")
	equal(t, "asked", strings.Join(asked[:3], "\n"), "PUT /a?b example.com map[X-A:[4] X-B:[2]] text\nGET /1 example.com map[X-A:[1] X-B:[2]] \nGET /3 example.com map[X-A:[1] X-B:[2]] ")
	in(t, x, abi.HeaderFilter, func(*sdk.Request) {
		_, err := sdk.Subrequest{URI: "/"}.Do()
		fails(t, "in a filter", err, sdk.ErrWrongPhase)
	})
}

// in runs a handler in a phase of an exchange.
func in(t *testing.T, x *sdktest.Exchange, phase abi.Phase, f func(*sdk.Request)) {
	t.Helper()
	before := phases.Save()
	defer phases.Restore(before)
	phases.Register(phase, func() abi.Action {
		f(new(sdk.Request))
		return abi.Continue
	})
	x.Run(phase)
}

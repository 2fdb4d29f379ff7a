// Command subrequest is a plugin that makes the subrequests that its query
// names, one after the other or, by all=, side by side, and shows what it gets.
// Each says its number in the context, and what it finds there.
package main

import (
	"fmt"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Rewrite(func(r *sdk.Request) sdk.Action {
		r.SetCtx("seen", r.Ctx("seen")+"+")
		return sdk.Continue
	})
	sdk.Access(func(r *sdk.Request) sdk.Action {
		if r.Header("Forbidden") != "" {
			return r.Exit(403)
		}
		return sdk.Continue
	})
	sdk.Content(content)
	sdk.HeaderFilter(func(r *sdk.Request) { r.Response().SetHeader("Filtered", "yes") })
	sdk.Log(func(r *sdk.Request) { sdk.Info("log: " + r.URI()) })
}

func main() {}

// begin begins a subrequest for which it does not wait.
//
//go:wasmimport phasm subrequest_start
func begin(method, uri, headers, body string) int32

func content(r *sdk.Request) sdk.Action {
	var all []sdk.Subrequest
	for target := range strings.SplitSeq(r.Query("get"), " ") {
		if target != "" {
			all = append(all, sdk.Subrequest{URI: target, Header: [][2]string{{"X-Sub", "yes"}, {"Forbidden", r.Query("forbidden")}}})
		}
	}
	if body := r.Query("post"); body != "" {
		all = append(all, sdk.Subrequest{Method: "POST", URI: "/echo", Body: []byte(body)})
	}
	if method := r.Query("method"); method != "" {
		all = append(all, sdk.Subrequest{Method: method, URI: "/echo"})
	}
	responses, err := sdk.DoAll(all...)
	if err != nil {
		fmt.Fprintf(r.Response(), "%v ", err)
	}
	for _, s := range responses {
		if s != nil {
			fmt.Fprintf(r.Response(), "[%d %s %s]", s.Status, s.Header("Filtered"), s.Body)
		}
	}
	switch path := r.Path(); path {
	case "/echo":
		body, _ := r.BodyBytes(1 << 20)
		fmt.Fprintf(r.Response(), "%s %s ctx=%s sub=%s agent=%s addr=%s body=%s",
			r.Method(), r.URI(), r.Ctx("seen"), r.Header("X-Sub"), r.Header("User-Agent"), r.RemoteAddr(), body)
	case "/nested":
		response, err := sdk.Subrequest{URI: "/nested"}.Do()
		if err != nil {
			fmt.Fprint(r.Response(), err)
		} else {
			fmt.Fprintf(r.Response(), "(%s)", response.Body)
		}
	case "/begin":
		begin("GET", r.Query("target"), "", "")
	case "/bomb":
		for range 8 {
			sdk.DoAll(sdk.Subrequest{URI: "/bomb"}, sdk.Subrequest{URI: "/bomb"}, sdk.Subrequest{URI: "/bomb"})
		}
	case "/flush":
		r.Response().WriteString("a")
		r.Response().Flush()
		r.Response().WriteString("b")
	case "/large":
		for range 9 << 4 {
			r.Response().Write(make([]byte, 64<<10))
			r.Response().Flush()
		}
	case "/sleep":
		sdk.Sleep(int64(200e6))
	case "/long":
		if err := sdk.Sleep(int64(20e9)); err != nil {
			sdk.Info("long: " + err.Error())
		}
	case "/exec":
		return r.Exec("/echo?execed")
	}
	return sdk.Continue
}

//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestControl(t *testing.T) {
	for _, test := range []struct {
		name   string
		access func(r *sdk.Request) sdk.Action
		status int
		body   string
		exec   string
		goesTo string // Location
		logs   int
	}{
		{"continue", func(r *sdk.Request) sdk.Action { return sdk.Continue }, 200, "content", "", "", 0},
		{"final", func(r *sdk.Request) sdk.Action {
			r.Response().WriteString("from access")
			return sdk.Final
		}, 200, "from access", "", "", 0},
		{"exit", func(r *sdk.Request) sdk.Action { return r.Exit(403) }, 403, "403 Forbidden\n", "", "", 0},
		{"exit with a body", func(r *sdk.Request) sdk.Action {
			r.Response().WriteString("Members only")
			return r.Exit(401)
		}, 401, "Members only", "", "", 0},
		{"exit without an error", func(r *sdk.Request) sdk.Action { return r.Exit(204) }, 204, "", "", "", 0},
		{"exit, and another action", func(r *sdk.Request) sdk.Action {
			r.Exit(404)
			return sdk.Continue
		}, 404, "404 Not Found\n", "", "", 0},
		{"exit out of range", func(r *sdk.Request) sdk.Action { return r.Exit(1<<32 + 200) }, 500, "500 Internal Server Error\n", "", "", 1},
		{"redirect", func(r *sdk.Request) sdk.Action {
			r.Response().WriteString("dropped")
			return r.Redirect("https://example.com/a?b=c", 307)
		}, 307, "", "", "https://example.com/a?b=c", 0},
		{"redirect with a bad status", func(r *sdk.Request) sdk.Action { return r.Redirect("/", 200) }, 500, "500 Internal Server Error\n", "", "", 1},
		{"redirect with two lines", func(r *sdk.Request) sdk.Action { return r.Redirect("/a\r\nSet-Cookie: b", 302) }, 500, "500 Internal Server Error\n", "", "", 1},
		{"exec", func(r *sdk.Request) sdk.Action { return r.Exec("/other?a=1") }, 200, "", "/other?a=1", "", 0},
		{"exec elsewhere", func(r *sdk.Request) sdk.Action { return r.Exec("http://example.com/") }, 500, "500 Internal Server Error\n", "", "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.New(t, nil)
			sdk.Access(test.access)
			sdk.Content(func(r *sdk.Request) sdk.Action {
				r.Response().WriteString("content")
				return sdk.Final
			})
			logged := 0
			sdk.Log(func(r *sdk.Request) { logged++ })
			resp := h.Do(sdktest.Request{})
			equal(t, "status", resp.Status, test.status)
			equal(t, "body", resp.Body, test.body)
			equal(t, "exec", resp.Exec, test.exec)
			equal(t, "location", resp.Header.Get("Location"), test.goesTo)
			equal(t, "log lines", len(h.Logs()), test.logs)
			equal(t, "log phase has run", logged == 1, test.exec == "")
		})
	}
}

func TestControlLate(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().Flush()
		return r.Exit(403)
	})
	equal(t, "status", h.Do(sdktest.Request{}).Status, 200)
	equalList(t, "log", h.Messages(), []string{
		"API disabled in the context of content: the response's head has been sent",
		"cannot exit with status 403: wrong phase",
	})
}

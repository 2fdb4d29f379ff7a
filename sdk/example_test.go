//go:build !wasip1

package sdk_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// start is what an example needs instead of a server.
func start(c sdktest.Config, grants ...sdktest.Grant) *sdktest.Host {
	h, err := sdktest.Start(c, grants...)
	if err != nil {
		panic(err)
	}
	return h
}

func Example() {
	h := start(sdktest.Config{"greeting": "Hello"})
	defer h.Close()

	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().SetHeader("Content-Type", "text/plain")
		r.Response().WriteString(sdk.ConfigOr("greeting", "Hi") + ", " + r.Query("name") + "!")
		return sdk.Final
	})

	fmt.Println(h.Do(sdktest.Request{Target: "/?name=Ann"}).Body)
	// Output: Hello, Ann!
}

func ExampleAccess() {
	h := start(nil)
	defer h.Close()

	sdk.Access(func(r *sdk.Request) sdk.Action {
		if r.Header("Authorization") != "Bearer secret" {
			r.Response().SetHeader("WWW-Authenticate", "Bearer")
			return r.Exit(401)
		}
		return sdk.Continue
	})

	resp := h.Do(sdktest.Request{})
	fmt.Print(resp.Status, " ", resp.Body)
	resp = h.Do(sdktest.Request{Header: http.Header{"Authorization": {"Bearer secret"}}})
	fmt.Println(resp.Status)
	// Output:
	// 401 401 Unauthorized
	// 200
}

func ExampleRewrite() {
	h := start(nil)
	defer h.Close()

	sdk.Rewrite(func(r *sdk.Request) sdk.Action {
		if rest, ok := strings.CutPrefix(r.URI(), "/old/"); ok {
			return r.Exec("/new/" + rest)
		}
		return sdk.Continue
	})

	fmt.Println(h.Do(sdktest.Request{Target: "/old/page?a=1"}).Exec)
	// Output: /new/page?a=1
}

func ExampleHeaderFilter() {
	h := start(nil)
	defer h.Close()

	sdk.HeaderFilter(func(r *sdk.Request) {
		r.Response().SetHeader("X-Request-Id", r.ID())
		r.Response().RemoveHeader("X-Powered-By")
	})

	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Header: http.Header{"X-Powered-By": {"PHP"}}}})
	fmt.Println(resp.Header)
	// Output: map[X-Request-Id:[00000000000000000000000000000001]]
}

func ExampleBodyFilter() {
	h := start(nil)
	defer h.Close()

	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) {
		upper := strings.ToUpper(string(c.Bytes()))
		if c.EOF() {
			upper += "!"
		}
		c.SetString(upper)
	})

	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Chunks: []string{"one, ", "two"}}})
	fmt.Printf("%q\n", resp.Chunks)
	// Output: ["ONE, " "TWO!"]
}

func ExampleLog() {
	h := start(nil)
	defer h.Close()

	sdk.Log(func(r *sdk.Request) {
		sdk.Info(r.Method() + " " + r.URI() + " " + strconv.Itoa(r.Response().Status()))
	})

	h.Do(sdktest.Request{Target: "/a", Upstream: sdktest.Upstream{Status: 404}})
	fmt.Println(h.Messages()[0])
	// Output: GET /a 404
}

func ExampleRequest_AppendHeader() {
	h := start(nil)
	defer h.Close()

	// One buffer is enough: an instance serves one exchange at a time.
	var buffer [256]byte
	sdk.Access(func(r *sdk.Request) sdk.Action {
		token, err := r.AppendHeader(buffer[:0], "X-Token")
		if err != nil || len(token) != 6 {
			return r.Exit(403)
		}
		return sdk.Continue
	})

	fmt.Println(h.Do(sdktest.Request{Header: http.Header{"X-Token": {"abc123"}}}).Status)
	// Output: 200
}

func ExampleRequest_BodyBytes() {
	h := start(nil)
	defer h.Close()

	sdk.Content(func(r *sdk.Request) sdk.Action {
		body, err := r.BodyBytes(1 << 20)
		switch {
		case err == sdk.ErrNoMemory:
			return r.Exit(413)
		case err != nil:
			return r.Exit(400)
		}
		fmt.Fprintf(r.Response(), "%d bytes", len(body))
		return sdk.Final
	})

	fmt.Println(h.Do(sdktest.Request{Method: "POST", Body: "12345"}).Body)
	// Output: 5 bytes
}

func ExampleRequest_Ctx() {
	h := start(nil)
	defer h.Close()

	sdk.Access(func(r *sdk.Request) sdk.Action {
		r.SetCtx("user", "ann")
		return sdk.Continue
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		r.Response().WriteString("Welcome, " + r.Ctx("user"))
		return sdk.Final
	})

	fmt.Println(h.Do(sdktest.Request{}).Body)
	// Output: Welcome, ann
}

func ExampleResponse_Flush() {
	h := start(nil)
	defer h.Close()

	sdk.Content(func(r *sdk.Request) sdk.Action {
		for i := range 3 {
			r.Response().WriteString("data: " + strconv.Itoa(i) + "\n\n")
			if r.Response().Flush() != nil || sdk.Sleep(time.Second) != nil {
				break // the client has gone
			}
		}
		return sdk.Final
	})

	resp := h.Do(sdktest.Request{})
	fmt.Printf("%q\n", resp.Chunks)
	// Output: ["data: 0\n\n" "data: 1\n\n" "data: 2\n\n"]
}

func ExampleConfigDuration() {
	h := start(sdktest.Config{"ttl": "1m30s", "retry": "soon"})
	defer h.Close()

	fmt.Println(sdk.ConfigDuration("ttl", time.Hour))
	fmt.Println(sdk.ConfigDuration("timeout", time.Hour))
	fmt.Println(sdk.ConfigDuration("retry", time.Hour))
	// Output:
	// 1m30s <nil>
	// 1h0m0s <nil>
	// 1h0m0s cannot use config.retry = "soon": it must be a duration such as "250ms"
}

func ExampleConfigKeys() {
	h := start(sdktest.Config{"headers": map[string]string{"X-A": "1", "X-B": "2"}})
	defer h.Close()

	names, err := sdk.ConfigKeys("headers")
	for _, name := range names {
		fmt.Println(name, sdk.Config("headers."+name), err)
	}
	// Output:
	// X-A 1 <nil>
	// X-B 2 <nil>
}

func ExampleEnv() {
	h := start(nil, sdktest.Env("TOKEN", "secret"), sdktest.EnvUnset("REGION"))
	defer h.Close()

	fmt.Println(sdk.Env("TOKEN"))
	fmt.Println(sdk.Env("REGION"))
	fmt.Println(sdk.Env("HOME"))
	// Output:
	// secret <nil>
	//  not found
	//  not granted
}

func ExampleNewCounter() {
	requests := sdk.NewCounter("requests_total", "Requests.", "method") // a package variable in a plugin
	h := start(nil)
	defer h.Close()

	sdk.Log(func(r *sdk.Request) { requests.With(r.Method()).Inc() })

	h.Do(sdktest.Request{Method: "PUT"})
	h.Do(sdktest.Request{Method: "PUT"})
	fmt.Println(h.Metric("requests_total", "PUT"))
	// Output: 2
}

func ExampleAppendJSONString() {
	line := append([]byte(nil), `{"agent":`...)
	line = sdk.AppendJSONString(line, `curl "8"`)
	fmt.Println(string(append(line, '}')))
	// Output: {"agent":"curl \"8\""}
}

func ExampleMustCompile() {
	attack := sdk.MustCompile(`(?i)union.*select`) // a package variable in a plugin
	h := start(nil)
	defer h.Close()

	sdk.Access(func(r *sdk.Request) sdk.Action {
		for _, value := range r.Queries() {
			if attack.Match(value) {
				return r.Exit(403)
			}
		}
		return sdk.Continue
	})

	fmt.Println(h.Do(sdktest.Request{Target: "/?q=1+UNION+SELECT+2"}).Status)
	fmt.Println(h.Do(sdktest.Request{Target: "/?q=shoes"}).Status)
	// Output:
	// 403
	// 200
}

func ExampleRegexp_Replace() {
	h := start(nil)
	defer h.Close()

	mail := sdk.MustCompile(`(?P<user>\w+)@(\w+)`)
	fmt.Println(mail.Replace("ann@home, bob@work", "${user} of $2", -1))
	// Output: ann of home, bob of work <nil>
}

func ExampleRegexpSet() {
	h := start(nil)
	defer h.Close()

	attacks := sdk.MustCompileSet(`(?i)union\s+select`, `(?i)<\s*script`)
	fmt.Println(attacks.Match("<script> UNION SELECT"))
	fmt.Println(attacks.Match("< Script >"))
	fmt.Println(attacks.Match("shoes"))
	// Output:
	// 0 true
	// 1 true
	// 0 false
}

func ExampleHMACSHA256() {
	h := start(nil)
	defer h.Close()

	sum := sdk.HMACSHA256([]byte("key"), []byte("message"))
	fmt.Println(sdk.Base64URL.Encode(sum[:]))
	// Output: bp7ym3X__Ft6uuUn1Y_a2y_kLnIZARl2kXNDBl9Y7Uo=
}

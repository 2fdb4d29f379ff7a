//go:build !wasip1

package sdktest_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"phasm/plugins/httpclient"
	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/sdktest"
)

// answerTo answers a plugin's request: what the fake does by it a server of the
// test's does over a connection.
func answerTo(r sdktest.HTTPRequest) sdktest.HTTPResponse {
	u, _ := url.Parse(r.URL)
	answer := sdktest.HTTPResponse{Header: http.Header{"X-A": {"of the answer"}}, Body: r.Method + " " + r.Body}
	switch u.Path {
	case "/headers":
		answer.Header = http.Header{"X-B": {"1", "2"}, "A": {""}, "Connection": {"keep-alive, X-Hop"}, "X-Hop": {"1"}, "Keep-Alive": {"timeout=5"}, "Upgrade": {"h2c"}}
	case "/teapot":
		answer.Status = http.StatusTeapot
	case "/empty":
		answer.Status = http.StatusNoContent
	case "/broken":
		answer.Status, answer.Err = http.StatusOK, abi.IO
	case "/none":
		answer.Err = abi.IO
	case "/long":
		answer.Body = strings.Repeat("x", 100<<10)
	}
	return answer
}

// live sends the plugin's requests to a server that is there.
type live struct {
	client *httpclient.Client
	url    *url.URL
}

func newLive(t *testing.T) live {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		answer := answerTo(sdktest.HTTPRequest{Method: r.Method, URL: r.RequestURI, Body: string(body)})
		if answer.Err != nil && answer.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), answer.Header)
		w.Header()["Date"], w.Header()["Content-Type"] = nil, nil
		w.WriteHeader(max(answer.Status, http.StatusOK))
		w.(http.Flusher).Flush() // so that it has no length
		io.WriteString(w, answer.Body)
		if answer.Err != nil {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	l := live{client: httpclient.New(httpclient.Options{})}
	t.Cleanup(l.client.Close)
	l.url, _ = url.Parse(s.URL)
	return l
}

// Start implements host.HTTPSender.
func (l live) Start(r *httpclient.Request) httpclient.Exchange {
	r.URL.Scheme, r.URL.Host = l.url.Scheme, l.url.Host
	return l.client.Start(r)
}

// What a plugin gets of a response is the same as over a connection.
func TestHTTPResponses(t *testing.T) {
	before := granted.HTTPSender
	granted.HTTPSender = newLive(t)
	defer func() { granted.HTTPSender = before }()
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		for _, path := range []string{"/", "/headers", "/teapot", "/empty", "/broken", "/none", "/long"} {
			for _, method := range []string{"GET", "HEAD", "PUT"} {
				for _, limit := range []int64{0, 3, 100 << 10} {
					resp, err := sdk.Fetch(&sdk.HTTPRequest{Method: method, URL: "http://api.example.com" + path, Body: []byte("body"), ResponseLimit: limit})
					if err != nil {
						out.add("fetch", method, path, err.(*sdk.HTTPError).Err)
						continue
					}
					out.add("fetch", method, path, resp.Status)
					for name, value := range resp.Headers() {
						out.add("header", name, value)
					}
					var body []byte
					piece := make([]byte, 30<<10)
					for err == nil {
						var n int
						n, err = resp.Read(piece)
						body = append(body, piece[:n]...)
					}
					_, again := resp.Read(piece)
					out.add("body", fmt.Sprintf("%.30q %d", body, len(body)), err, again, resp.Header("x-a"), resp.Close())
				}
			}
		}
		streamed := func(length string, pieces ...string) {
			options := httpStream
			if length != "" {
				options += "\x06\x00\x00\x00length\x01\x00\x00\x00" + length
			}
			h := imports.HTTPRequest("PUT", "http://api.example.com/", "", options, "")
			for _, piece := range pieces {
				out.add("write", piece, imports.HTTPWrite(h, piece))
			}
			out.add("sent", imports.HTTPSend(h), imports.HTTPSend(h), imports.HTTPWrite(h, "x"), imports.HTTPWrite(h, ""))
			buf := make([]byte, 100)
			out.add("status", imports.HTTPStatus(h))
			n := imports.HTTPRead(h, buf)
			out.add("read", n, string(buf[:max(0, n)]), imports.HTTPRead(h, buf))
			out.add("end", imports.HTTPDetach(h), imports.HTTPClose(h), imports.HTTPStatus(h))
		}
		streamed("")
		streamed("", "a", "", "b")
		streamed("3", "abc")
		streamed("3", "abc", "d", "")
		streamed("3", "ab")
		streamed("0")
		streamed("0", "", "a")
	}})
}

//go:build !wasip1

package sdk_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func ExampleFetch() {
	h := start(nil, sdktest.HTTP("api.example.com", func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
		return sdktest.HTTPResponse{Status: 201, Body: r.Method + " " + r.URL + " " + r.Body + " " + r.Header.Get("X-Token")}
	}))
	defer h.Close()

	sdk.Content(func(r *sdk.Request) sdk.Action {
		request := &sdk.HTTPRequest{Method: "POST", URL: "https://api.example.com/users", Body: []byte("Ann"), Timeout: int64(time.Second)}
		request.Header.Add("X-Token", "secret")
		resp, err := sdk.Fetch(request)
		if err != nil {
			return r.Exit(502)
		}
		defer resp.Close()
		r.Response().SetStatus(resp.Status)
		io.Copy(r.Response(), resp)
		return sdk.Final
	})

	fmt.Println(h.Do(sdktest.Request{}).Body)
	// Output: POST https://api.example.com/users Ann secret
}

// content runs a content handler in front of a server.
func content(t *testing.T, server func(sdktest.HTTPRequest) sdktest.HTTPResponse, handler func(*sdk.Request)) {
	t.Helper()
	h := sdktest.New(t, nil, sdktest.HTTP("server:80", server))
	ran := false
	sdk.Content(func(r *sdk.Request) sdk.Action {
		handler(r)
		ran = true
		return sdk.Final
	})
	if h.Do(sdktest.Request{}); !ran {
		t.Error("the handler did not run to its end")
	}
}

func TestHTTPBody(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	echo := func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
		return sdktest.HTTPResponse{Header: http.Header{"X-A": {"1", "2"}}, Body: r.Options["length"] + " " + r.Body}
	}
	content(t, echo, func(*sdk.Request) {
		for _, test := range []struct {
			request sdk.HTTPRequest
			want    string
		}{
			{sdk.HTTPRequest{}, " "},
			{sdk.HTTPRequest{Body: []byte("short")}, " short"},
			{sdk.HTTPRequest{Body: []byte(long)}, "100000 " + long},
			{sdk.HTTPRequest{BodyFrom: strings.NewReader(long)}, " " + long},
			{sdk.HTTPRequest{BodyFrom: strings.NewReader(long), BodyLength: 100_000}, "100000 " + long},
		} {
			test.request.Method, test.request.URL = "PUT", "http://server/"
			for _, read := range []func(*sdk.HTTPResponse) (string, error){
				func(resp *sdk.HTTPResponse) (string, error) {
					b, err := resp.Bytes(len(test.want))
					return string(b), err
				},
				func(resp *sdk.HTTPResponse) (string, error) {
					var b strings.Builder
					_, err := io.Copy(&b, resp)
					return b.String(), err
				},
			} {
				if reader, ok := test.request.BodyFrom.(*strings.Reader); ok {
					reader.Seek(0, io.SeekStart)
				}
				resp, err := sdk.Fetch(&test.request)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := read(resp); got != test.want || err != nil {
					t.Errorf("got %.20q, %v, want %.20q", got, err, test.want)
				}
				var all []string
				for name, value := range resp.Headers() {
					all = append(all, name+"="+value)
				}
				if resp.Header("x-a") != "1" || fmt.Sprint(all) != "[X-A=1 X-A=2]" {
					t.Errorf("the headers are %v", all)
				}
				resp.Close()
				resp.Close()
				if _, err := resp.Read(make([]byte, 1)); !errors.Is(err, sdk.ErrClosed) {
					t.Errorf("a closed response reads: %v", err)
				}
			}
		}
		resp, err := sdk.Fetch(&sdk.HTTPRequest{Method: "PUT", URL: "http://server/", Body: []byte(long)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resp.Bytes(100); !errors.Is(err, sdk.ErrNoMemory) {
			t.Errorf("a body over the limit: %v", err)
		}
	})
}

func TestHTTPErrors(t *testing.T) {
	fails := func(sdktest.HTTPRequest) sdktest.HTTPResponse { return sdktest.HTTPResponse{Err: sdk.ErrTimeout} }
	broken := errors.New("the body is broken")
	content(t, fails, func(*sdk.Request) {
		for _, test := range []struct {
			request sdk.HTTPRequest
			want    error
			text    string
		}{
			{sdk.HTTPRequest{URL: "http://server/"}, sdk.ErrTimeout, "http://server/: timeout: timeout"},
			{sdk.HTTPRequest{URL: "http://other/"}, sdk.ErrNotGranted, "http://other/: not granted"},
			{sdk.HTTPRequest{URL: "nonsense"}, sdk.ErrBadArgument, "nonsense: bad argument"},
			{sdk.HTTPRequest{URL: "http://server/", Redirects: -1}, sdk.ErrBadArgument, ""},
			{sdk.HTTPRequest{URL: "http://server/", Timeout: -1}, sdk.ErrBadArgument, ""},
			{sdk.HTTPRequest{URL: "http://server/", BodyFrom: io.MultiReader(strings.NewReader("x"), failing{broken})}, broken, ""},
		} {
			_, err := sdk.Fetch(&test.request)
			var detail *sdk.HTTPError
			if !errors.Is(err, test.want) || !errors.As(err, &detail) || detail.URL != test.request.URL || test.text != "" && err.Error() != test.text {
				t.Errorf("%+v: %v, want %v", test.request, err, test.want)
			}
		}
		for range 200 { // what has failed is closed
			if _, err := sdk.Get("http://server/"); !errors.Is(err, sdk.ErrTimeout) {
				t.Fatal(err)
			}
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestHTTPAll(t *testing.T) {
	path := func(r sdktest.HTTPRequest) sdktest.HTTPResponse { return sdktest.HTTPResponse{Body: r.URL} }
	content(t, path, func(*sdk.Request) {
		results := sdk.FetchAll(&sdk.HTTPRequest{URL: "http://server/a"}, &sdk.HTTPRequest{URL: "http://none/b"}, &sdk.HTTPRequest{URL: "http://server/c"})
		for i, want := range []string{"http://server/a", "", "http://server/c"} {
			if want == "" {
				if results[i].Response != nil || !errors.Is(results[i].Err, sdk.ErrNotGranted) {
					t.Errorf("result %d is %+v", i, results[i])
				}
				continue
			}
			if body, err := results[i].Response.Bytes(100); string(body) != want || err != nil {
				t.Errorf("result %d is %q, %v", i, body, err)
			}
		}
	})
}

func TestHTTPSend(t *testing.T) {
	var got []string
	content(t, func(r sdktest.HTTPRequest) sdktest.HTTPResponse {
		got = append(got, r.Body)
		return sdktest.HTTPResponse{}
	}, func(*sdk.Request) {
		for range 100 { // none stays open
			if err := sdk.Send(&sdk.HTTPRequest{Method: "POST", URL: "http://server/", Body: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sdk.Send(&sdk.HTTPRequest{Method: "POST", URL: "http://server/", BodyFrom: strings.NewReader("streamed")}); err != nil {
			t.Fatal(err)
		}
		if err := sdk.Send(&sdk.HTTPRequest{URL: "http://none/"}); !errors.Is(err, sdk.ErrNotGranted) {
			t.Errorf("what is not granted: %v", err)
		}
	})
	if len(got) != 101 || got[100] != "streamed" {
		t.Errorf("%d requests", len(got))
	}
}

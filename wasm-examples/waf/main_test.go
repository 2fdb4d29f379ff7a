package main

import (
	"net/http"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

var form = http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}

func TestWAF(t *testing.T) {
	for _, test := range []struct {
		name   string
		send   sdktest.Request
		status int
		logged string
	}{
		{"nothing", sdktest.Request{}, 200, ""},
		{"harmless", sdktest.Request{Target: "/?q=a+union+of+two&or=1", Method: "POST", Body: "select one"}, 200, ""},
		{"union", sdktest.Request{Target: "/?q=1+UNION+all+SELECT+2"}, 403, `argument "q" breaks rule union-select`},
		{"repeated", sdktest.Request{Target: "/?q=a&q=b&q=1%20Or%201=1"}, 403, `argument "q" breaks rule always-true`},
		{"over lines", sdktest.Request{Target: "/?q=union%0aselect"}, 403, `argument "q" breaks rule union-select`},
		{"script", sdktest.Request{Target: "/?a=b&q=%3CSCRIPT%3E"}, 403, `argument "q" breaks rule script`},
		{"javascript", sdktest.Request{Target: "/?url=JavaScript:alert(1)"}, 403, `argument "url" breaks rule javascript`},
		{"name", sdktest.Request{Target: "/?%3Cscript=1"}, 403, `an argument's name breaks rule script`},
		{"not UTF-8", sdktest.Request{Target: "/?q=%ff%3Cscript%ff"}, 403, `argument "q" breaks rule script`},
		{"body", sdktest.Request{Method: "POST", Body: `{"q": "<script>"}`}, 403, `the body breaks rule script`},
		{"form", sdktest.Request{Method: "POST", Body: "q=1+union%0Aselect+2", Header: form}, 403, `the body breaks rule union-select`},
		{"form with faults", sdktest.Request{Method: "POST", Body: "q=%3cscript%3&%", Header: form}, 403, `the body breaks rule script`},
		{"no form", sdktest.Request{Method: "POST", Body: "q=%3Cscript"}, 200, ""},
		{"long", sdktest.Request{Method: "POST", Body: strings.Repeat("x", 100_000) + "javascript:"}, 403, `the body breaks rule javascript`},
		{"too large", sdktest.Request{Method: "POST", Body: strings.Repeat("x", 1<<20+1)}, 413, ""},
		{"late", sdktest.Request{Method: "POST", Body: "x", BodyErr: sdk.ErrTimeout}, 408, ""},
		{"cut off", sdktest.Request{Method: "POST", Body: "x", BodyErr: sdk.ErrClosed}, 400, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := sdktest.New(t, nil)
			if resp := h.Do(test.send); resp.Status != test.status {
				t.Errorf("the status is %d, want %d", resp.Status, test.status)
			}
			logged := ""
			for _, line := range h.Logs() {
				if line.Level == sdk.LevelWarn {
					logged = line.Message
				}
			}
			want := test.logged
			if want != "" {
				want = "request refused: " + want + ", client 192.0.2.1"
			}
			if logged != want {
				t.Errorf("it warns %q, want %q", logged, want)
			}
		})
	}
}

func TestRules(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"max_body": 10, "rules": map[string]string{"numbers": `\d{3}`}})
	for target, status := range map[string]int{"/?q=12": 200, "/?q=123": 403, "/?q=%3Cscript": 200} {
		if resp := h.Do(sdktest.Request{Target: target}); resp.Status != status {
			t.Errorf("%s: the status is %d, want %d", target, resp.Status, status)
		}
	}
	if resp := h.Do(sdktest.Request{Method: "POST", Body: "12345678901"}); resp.Status != 413 {
		t.Errorf("a body over the limit has status %d", resp.Status)
	}
}

func TestConfigRefused(t *testing.T) {
	for want, config := range map[string]sdktest.Config{
		"cannot use config.rules: cannot compile the regular expression": {"rules": map[string]string{"broken": "(a"}},
		"config.max_body": {"max_body": "much"},
	} {
		if _, err := sdktest.Start(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: the error is %v, want %s", config, err, want)
		}
	}
}

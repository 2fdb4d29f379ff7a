package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestArguments(t *testing.T) {
	h := sdktest.New(t, nil)
	for value, found := range map[string]string{
		"":                              "",
		"winter boots":                  "",
		"the union selects a president": "",
		"drop the table":                "",
		"update your settings":          "",
		"executive (chief)":             "",
		"on load":                       "",
		"a javascript book":             "",
		"1 UNION SELECT password":       "union select",
		"1 union\tall\nselect 2":        "union select",
		"1/**/UnIoN/*x*/sElEcT(2)":      "union select",
		"1 union(select 2)":             "union select",
		"1; DROP TABLE users":           "drop table",
		"insert into t":                 "insert into",
		"delete  from t":                "delete from",
		"update t set a=1":              "update set",
		"exec('x')":                     "exec",
		"EXECUTE (x)":                   "exec",
		"<script>":                      "script",
		"\xff</SCRIPT>\xff":             "script",
		"JavaScript:alert(1)":           "script URL",
		"vbscript:x":                    "script URL",
		`"><img src=x onerror=x>`:       "event handler",
		`x onmouseover = "x"`:           "event handler",
	} {
		escaped := url.QueryEscape(value)
		for _, target := range []string{"/?q=" + escaped, "/?q=a&q=" + escaped + "&q=b", "/?a&%71=" + strings.ReplaceAll(escaped, "+", "%20")} {
			before := len(h.Logs())
			resp := h.Do(sdktest.Request{Target: target})
			logs := h.Logs()[before:]
			switch {
			case found == "":
				if resp.Status != 200 || len(logs) > 0 {
					t.Errorf("%s: the status is %d, it logs %v", target, resp.Status, logs)
				}
			case resp.Status != 400 || resp.Body != "Invalid request\n":
				t.Errorf("%s: got %d %q", target, resp.Status, resp.Body)
			case len(logs) != 1 || logs[0].Level != sdk.LevelWarn || logs[0].Message != `request refused: argument "q" has `+found+", client 192.0.2.1":
				t.Errorf("%s: it logs %v, want %s", target, logs, found)
			}
		}
	}
	if resp := h.Do(sdktest.Request{Target: "/?%3Cscript%3E=1"}); resp.Status != 400 {
		t.Errorf("an argument's name passes with status %d", resp.Status)
	}
}

func TestBody(t *testing.T) {
	form := http.Header{"Content-Type": {"Application/X-WWW-Form-Urlencoded;charset=utf-8"}}
	h := sdktest.New(t, nil)
	for _, test := range []struct {
		body   string
		header http.Header
		found  string
	}{
		{"", nil, ""},
		{"union select", nil, ""}, // SQL is looked for in arguments
		{"all is well, said the author of the description", nil, ""},
		{"c=%3Cscript%3E", nil, ""},
		{"c=%3Cscript%3E", form, "script"},
		{"c=on%6Coad%3Dx", form, "event handler"},
		{"c=100%&d=%3", form, ""},
		{"x <SCRIPT src=x>", nil, "script"},
		{"</script>", nil, "script"},
		{`{"url": "javascript:x"}`, nil, "script URL"},
		{"VBScript:x", nil, "script URL"},
		{"<b onload=x>", nil, "event handler"},
		{"<b onerror=x>", nil, "event handler"},
		{"<b onclick=x>", nil, "event handler"},
		{"<b OnMouseOver =x>", nil, "event handler"},
		{strings.Repeat("x", 500_000) + "<script", nil, "script"},
	} {
		before := len(h.Logs())
		resp := h.Do(sdktest.Request{Method: "POST", Body: test.body, Header: test.header})
		logs := h.Logs()[before:]
		switch {
		case test.found == "":
			if resp.Status != 200 || len(logs) > 0 {
				t.Errorf("%.50q: the status is %d, it logs %v", test.body, resp.Status, logs)
			}
		case resp.Status != 400 || resp.Body != "Invalid request content\n":
			t.Errorf("%.50q: got %d %q", test.body, resp.Status, resp.Body)
		case len(logs) != 1 || logs[0].Level != sdk.LevelWarn || logs[0].Message != "request refused: the body has "+test.found+", client 192.0.2.1":
			t.Errorf("%.50q: it logs %v, want %s", test.body, logs, test.found)
		}
	}
}

func TestBodyThatCannotBeRead(t *testing.T) {
	h := sdktest.New(t, sdktest.Config{"max_body": 10})
	for status, send := range map[int]sdktest.Request{
		413: {Body: "12345678901"}, 408: {Body: "1", BodyErr: sdk.ErrTimeout}, 400: {Body: "1", BodyErr: sdk.ErrClosed}, 200: {Body: "1234567890"},
	} {
		if resp := h.Do(send); resp.Status != status {
			t.Errorf("the status is %d, want %d", resp.Status, status)
		}
	}
	if _, err := sdktest.Start(sdktest.Config{"max_body": "much"}); err == nil {
		t.Error("a limit that is no number is taken")
	}
}

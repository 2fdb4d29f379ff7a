package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestLine(t *testing.T) {
	h := sdktest.New(t, nil)
	x := h.Begin(sdktest.Request{
		Method: "PUT", Target: "/a%20b?secret=1", Route: "files", RemoteAddr: "[2001:db8::1]:5",
		Header: http.Header{"User-Agent": {`agent "7"` + "\t\xff"}},
	})
	h.Advance(1234567 * time.Nanosecond)
	x.Run(abi.Log)
	const want = `{"timestamp":"2026-01-01T00:00:00.001Z","level":"INFO","message":"request",` +
		`"request_id":"00000000000000000000000000000001","remote_addr":"2001:db8::1","method":"PUT","uri":"/a b","route":"files",` +
		`"user_agent":"agent \"7\"\t` + "\ufffd" + `","status":200,"response_time":1.234}`
	logs := h.Logs()
	if len(logs) != 1 || logs[0].Message != want {
		t.Fatalf("it logged %v, want %s", logs, want)
	}
	if !json.Valid([]byte(logs[0].Message)) {
		t.Error("that is no JSON")
	}
}

func TestNoAgent(t *testing.T) {
	h := sdktest.New(t, nil)
	h.Do(sdktest.Request{})
	var line map[string]any
	if err := json.Unmarshal([]byte(h.Messages()[0]), &line); err != nil {
		t.Fatal(err)
	}
	if agent, found := line["user_agent"]; found || line["uri"] != "/" {
		t.Errorf("the line has agent %v and path %v", agent, line["uri"])
	}
}

func TestSeverity(t *testing.T) {
	for status, want := range map[int]sdk.Level{200: sdk.LevelInfo, 304: sdk.LevelInfo, 404: sdk.LevelWarn, 499: sdk.LevelWarn, 500: sdk.LevelError} {
		h := sdktest.New(t, nil)
		h.Do(sdktest.Request{Upstream: sdktest.Upstream{Status: status}})
		if got := h.Logs()[0].Level; got != want {
			t.Errorf("%d is logged at level %d, want %d", status, got, want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0.000", 999: "0.000", 1000: "0.001", 12_345_678: "12.345", 1_050_000: "1.050", 3_600_000_000_000: "3600000.000", -5: "0.000",
	} {
		if got := string(appendMilliseconds(nil, ns)); got != want {
			t.Errorf("%d ns are %s, want %s", ns, got, want)
		}
	}
}

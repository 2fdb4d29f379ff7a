//go:build !wasip1

package sdk_test

import (
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestResponse(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Content(func(r *sdk.Request) sdk.Action {
		w := r.Response()
		equal(t, "status", w.Status(), 200)
		fails(t, "status", w.SetStatus(201), nil)
		equal(t, "status", w.Status(), 201)
		for _, bad := range []int{-1, 0, 100, 199, 600, 1<<32 + 200} {
			fails(t, "bad status", w.SetStatus(bad), sdk.ErrBadArgument)
		}
		b := []byte("made ")
		n, err := w.Write(b)
		equal(t, "written", n, 5)
		fails(t, "write", err, nil)
		clear(b) // the server has a copy
		n, err = w.WriteString("by hand")
		equal(t, "written", n, 7)
		fails(t, "write", err, nil)
		return sdk.Final
	})
	resp := h.Do(sdktest.Request{})
	equal(t, "status", resp.Status, 201)
	equal(t, "body", resp.Body, "made by hand")
	equal(t, "type", resp.Header.Get("Content-Type"), "text/plain; charset=utf-8")
}

func TestResponsePhases(t *testing.T) {
	h, _ := during(t, abi.Log, sdktest.Request{}, func(r *sdk.Request) {
		w := r.Response()
		fails(t, "status in log", w.SetStatus(500), sdk.ErrWrongPhase)
		n, err := w.WriteString("x")
		equal(t, "written in log", n, 0)
		fails(t, "write in log", err, sdk.ErrWrongPhase)
		fails(t, "flush in log", w.Flush(), sdk.ErrWrongPhase)
	})
	equalList(t, "log", h.Messages(), []string{
		"API disabled in the context of log", "API disabled in the context of log", "API disabled in the context of log",
	})
	equal(t, "function", h.Logs()[1].Function, "response_write")
	during(t, abi.Access, sdktest.Request{}, func(r *sdk.Request) {
		fails(t, "flush in access", r.Response().Flush(), sdk.ErrWrongPhase)
	})
}

func TestFlush(t *testing.T) {
	h := sdktest.New(t, nil)
	var heads int
	sdk.HeaderFilter(func(r *sdk.Request) {
		heads++
		fails(t, "header", r.Response().SetHeader("X-Head", "1"), nil)
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		w := r.Response()
		w.WriteString("one,")
		w.WriteString("two")
		fails(t, "flush", w.Flush(), nil)
		equal(t, "header filters after the flush", heads, 1)
		fails(t, "status", w.SetStatus(500), sdk.ErrWrongPhase)
		fails(t, "header", w.SetHeader("X-Late", "1"), sdk.ErrWrongPhase)
		fails(t, "empty flush", w.Flush(), nil)
		w.WriteString("three")
		return sdk.Final
	})
	resp := h.Do(sdktest.Request{})
	equal(t, "status", resp.Status, 200)
	equalList(t, "chunks", resp.Chunks, []string{"one,two", "three"})
	equal(t, "flushes", resp.Flushes, 2)
	equal(t, "header filters", heads, 1)
	equal(t, "early header", resp.Header.Get("X-Head"), "1")
	equal(t, "late header", resp.Header.Get("X-Late"), "")
	for _, line := range h.Messages() {
		equal(t, "log line", line, "API disabled in the context of content: the response's head has been sent")
	}
}

func TestFlushGone(t *testing.T) {
	during(t, abi.Content, sdktest.Request{ClientGone: true}, func(r *sdk.Request) {
		fails(t, "flush", r.Response().Flush(), sdk.ErrClosed)
	})
}

// TestWriteMuch writes more than the server holds back.
func TestWriteMuch(t *testing.T) {
	half := strings.Repeat("x", 512<<10)
	_, x := during(t, abi.Content, sdktest.Request{}, func(r *sdk.Request) {
		for range 3 {
			_, err := r.Response().WriteString(half)
			fails(t, "write in content", err, nil)
		}
	})
	equal(t, "bytes", len(x.Response().Body), 3*len(half))
	equal(t, "flushes", x.Response().Flushes, 1)
	during(t, abi.Access, sdktest.Request{}, func(r *sdk.Request) {
		for range 2 {
			_, err := r.Response().WriteString(half)
			fails(t, "write in access", err, nil)
		}
		_, err := r.Response().WriteString("x")
		fails(t, "one byte more", err, sdk.ErrNoMemory)
	})
}

//go:build !wasip1

package sdk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

// TestOrder registers every handler and sees when each runs.
func TestOrder(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	var ran []string
	note := func(name string) { ran = append(ran, name) }
	sdk.Init(func() error { note("init"); return nil })
	sdk.InitWorker(func() error { note("init_worker"); return started(sdk.After(time.Hour, "t", "")) })
	sdk.OnTimer("t", func(*sdk.Timer) error { note("timer"); return nil })
	sdk.OnMessage(func(*sdk.Message) error { note("message"); return nil })
	sdk.ExitWorker(func() error { note("exit_worker"); return nil })
	sdk.Rewrite(func(*sdk.Request) sdk.Action { note("rewrite"); return sdk.Continue })
	sdk.Access(func(*sdk.Request) sdk.Action { note("access"); return sdk.Continue })
	sdk.Content(func(*sdk.Request) sdk.Action { note("content"); return sdk.Final })
	sdk.Balancer(func(*sdk.Request, *sdk.Choice) sdk.Action { note("balancer"); return sdk.Continue }) // of routes without content
	sdk.TLSCertificate(func(*sdk.Handshake) error { note("tls_certificate"); return nil })
	sdk.HeaderFilter(func(*sdk.Request) { note("header_filter") })
	sdk.BodyFilter(func(*sdk.Request, *sdk.Chunk) { note("body_filter") })
	sdk.Log(func(*sdk.Request) { note("log") })
	equal(t, "phases", phases.Registered(), abi.AllPhases)

	h, err := sdktest.Start(nil)
	fails(t, "start", err, nil)
	h.Do(sdktest.Request{})
	h.Close()
	h.Close()
	equal(t, "order", strings.Join(ran, " "),
		"init init_worker rewrite access content header_filter body_filter log timer exit_worker")
}

func TestTwoHandlers(t *testing.T) {
	sdktest.New(t, nil)
	answer := func(*sdk.Request) sdk.Action { return sdk.Final }
	sdk.Content(answer)
	defer func() {
		equal(t, "panic", recover(), any("sdk: two handlers for the content phase: a plugin has one for each phase"))
	}()
	sdk.Content(answer)
}

func TestInitFails(t *testing.T) {
	for _, test := range []struct {
		register func(func() error)
		want     string
	}{
		{sdk.Init, "cannot start the plugin: no luck"},
		{sdk.InitWorker, "cannot start the plugin: no luck"},
	} {
		before := phases.Save()
		test.register(func() error { return errors.New("no luck") })
		_, err := sdktest.Start(nil)
		phases.Restore(before)
		if err == nil || err.Error() != test.want {
			t.Errorf("the error is %v, want %s", err, test.want)
		}
	}
}

func TestNoHandlers(t *testing.T) {
	h := sdktest.New(t, nil)
	equal(t, "phases", phases.Registered(), 0)
	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Status: 202, Chunks: []string{"a", "b"}}})
	equal(t, "status", resp.Status, 202)
	equalList(t, "chunks", resp.Chunks, []string{"a", "b"})
}

// TestNoAction has a handler answer what is no action.
func TestNoAction(t *testing.T) {
	h, err := sdktest.Start(nil)
	fails(t, "start", err, nil)
	defer h.Close()
	sdk.Access(func(r *sdk.Request) sdk.Action {
		r.Response().SetHeader("X-A", "1")
		return 7
	})
	sdk.HeaderFilter(func(r *sdk.Request) { t.Error("the plugin runs again after a fault") })
	resp := h.Do(sdktest.Request{})
	equal(t, "status", resp.Status, 500)
	equal(t, "body", resp.Body, "500 Internal Server Error\n")
	equal(t, "header", resp.Header.Get("X-A"), "")
}

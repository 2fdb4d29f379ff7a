package main

import (
	"testing"

	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestChain(t *testing.T) {
	h := sdktest.New(t, nil)
	resp := h.Do(sdktest.Request{Target: "/chain"})
	if resp.Status != 200 || resp.Body != "79\n" {
		t.Errorf("got %d %q, want 200 \"79\\n\"", resp.Status, resp.Body)
	}
	if got := resp.Header.Get("X-Chain"); got != "rewrite, access, content, header_filter, log" {
		t.Errorf("X-Chain is %q", got)
	}
	if logs := h.Logs(); len(logs) > 0 {
		t.Errorf("it logged %v", logs)
	}
}

// TestPhases sees the number grow phase by phase.
func TestPhases(t *testing.T) {
	x := sdktest.New(t, nil).Begin(sdktest.Request{})
	for _, step := range []struct {
		phase abi.Phase
		want  string
	}{{abi.Rewrite, "76"}, {abi.Access, "79"}, {abi.Content, "79"}} {
		x.Run(step.phase)
		if got, _ := x.Ctx(key); got != step.want {
			t.Errorf("after %s the number is %q, want %q", step.phase, got, step.want)
		}
	}
}

// TestBroken leaves rewrite out, as a route would that does not name the
// plugin there.
func TestBroken(t *testing.T) {
	h := sdktest.New(t, nil)
	x := h.Begin(sdktest.Request{})
	x.Run(abi.Access)
	x.Run(abi.Log)
	if got := x.Response().Status; got != 500 {
		t.Errorf("the status is %d, want 500", got)
	}
	if got := h.Messages(); len(got) != 1 || got[0] != "the chain is broken" {
		t.Errorf("it logged %q", got)
	}
}

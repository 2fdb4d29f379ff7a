package plugins

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	wt "phasm/plugins/internal/wasmtest"
)

// Plugins that are loaded from the same module share its code for as long as
// one of them is there; those of another module or with another limit of
// memory have their own.
func TestCodeIsShared(t *testing.T) {
	var codes Codes
	sharing := func(o *Options) { o.Codes = &codes }
	module := func(n int32) *wt.Module {
		m := wt.Plugin()
		m.Phase("on_content", wt.I32Const(n))
		return m
	}
	one, _ := load(t, module(0), sharing)
	same, _ := load(t, module(0), sharing, func(o *Options) { o.Name, o.Instances = "same", 2 })
	other, _ := load(t, module(1), sharing)
	smaller, _ := load(t, module(0), sharing, func(o *Options) { o.Memory = 1 << 20 })
	if one.code != same.code || one.code != smaller.code {
		t.Error("plugins of one module do not share its code")
	}
	if one.code == other.code {
		t.Error("plugins share code that differs")
	}
	one.Close()
	acquire(t, same)
	for _, p := range []*Plugin{other, smaller} {
		p.Close()
	}
	if len(codes.made) != 1 {
		t.Errorf("%d modules' code is kept, one is in use", len(codes.made))
	}
}

// Those who need the same code at once wait for the first, and a module that
// cannot be used is tried again.
func TestCodeIsMadeOnce(t *testing.T) {
	var codes Codes
	m := wt.Plugin()
	m.Phase("on_content", wt.I32Const(0))
	var loading sync.WaitGroup
	var got [4]*code
	for n := range got {
		loading.Go(func() {
			c, err := codes.get(t.Context(), m.Bytes(), "")
			if err != nil {
				t.Error(err)
			}
			got[n] = c
		})
	}
	loading.Wait()
	for _, c := range got {
		if c != got[0] {
			t.Error("code was made twice")
		}
		codes.put(c)
	}
	if _, err := got[0].runtime.CompileModule(t.Context(), m.Bytes()); err == nil {
		t.Error("the runtime is open after its last user")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := codes.get(cancelled, m.Bytes(), ""); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), compileTime.String()) {
		t.Errorf("compiling was cancelled, but the error is %v", err)
	}
	c, err := codes.get(t.Context(), m.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	codes.put(c)
	if len(codes.made) != 0 {
		t.Errorf("%d modules' code is kept, none is in use", len(codes.made))
	}
}

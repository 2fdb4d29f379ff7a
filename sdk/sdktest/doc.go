//go:build !wasip1

// Package sdktest runs a plugin in an ordinary go test, without WebAssembly:
// it is a fake of what phasm is to a plugin.
//
//	func TestHello(t *testing.T) {
//		h := sdktest.New(t, sdktest.Config{"greeting": "hi"})
//		resp := h.Do(sdktest.Request{Target: "/hello"})
//		if resp.Status != 200 || resp.Body != "hi\n" {
//			t.Errorf("got %d %q", resp.Status, resp.Body)
//		}
//	}
//
// [Host.Do] takes a request through all phases that the plugin has registered
// handlers for; [Host.Begin] lets a test run phases one by one. The rules are
// the server's: which functions work in which phase, what they refuse, what
// exit, redirect and exec do. Time stands still but for [Host.Advance] and
// sdk.Sleep.
//
// A plugin's package variables are kept from request to request, as in an
// instance, and also from one Host to the next.
//
// There is one fake at a time, because a plugin's calls do not say which
// server they go to: tests that use this package cannot be parallel.
package sdktest

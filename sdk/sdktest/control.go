//go:build !wasip1

package sdktest

import "strings"

// Exit implements imports.Host.
func (f *fake) Exit(status int32) int32 {
	if f.headSent("exit") {
		return wrongPhase
	}
	if isStatus(status) {
		x := f.exchange
		x.status = int(status)
		x.ended, x.exited = true, true
	}
	return check(isStatus(status))
}

// Redirect implements imports.Host.
func (f *fake) Redirect(uri string, status int32) int32 {
	if f.headSent("redirect") {
		return wrongPhase
	}
	if uri == "" || len(uri) > maxLine || !isFieldValue(uri) || !isRedirect(status) {
		return badArgument
	}
	x := f.exchange
	x.status = int(status)
	x.responseHead.set("Location", strings.Clone(uri))
	x.pending = ""
	x.ended = true
	return done
}

// Exec implements imports.Host.
func (f *fake) Exec(uri string) int32 {
	if f.headSent("exec") {
		return wrongPhase
	}
	if !isTarget(uri) {
		return badArgument
	}
	f.exchange.exec = strings.Clone(uri)
	f.exchange.ended = true
	return done
}

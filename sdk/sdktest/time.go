//go:build !wasip1

package sdktest

import (
	"time"

	"phasm/sdk/abi"
)

// Now implements imports.Host.
func (f *fake) Now() int64 { return f.now }

// goneInterval is how often the server looks after a sleeper's client.
const goneInterval = int64(100 * time.Millisecond)

// Sleep implements imports.Host: the time passes at once.
func (f *fake) Sleep(nanoseconds int64) int32 {
	if nanoseconds < 0 {
		return badArgument
	}
	if nanoseconds > 0 && f.exchange != nil && f.phase != abi.Log && f.exchange.gone {
		f.now += min(nanoseconds, goneInterval)
		return closed
	}
	f.now += nanoseconds
	return done
}

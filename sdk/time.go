package sdk

import "phasm/sdk/internal/imports"

// Duration is time.Duration, or any other count of nanoseconds. It stands here
// because package time would make each guest 0.3 MB larger; a plugin that uses
// it anyway loses nothing.
type Duration interface{ ~int64 }

// Now is the time of day in nanoseconds since 1970: time.Unix(0, sdk.Now()). The
// clock is read anew each time (ngx.now after ngx.update_time).
func Now() int64 { return imports.Now() }

// Sleep blocks this request, and no other, for d (ngx.sleep):
// sdk.Sleep(time.Second). It
// ends early with [ErrClosed] when the client has gone, and with [ErrTimeout]
// when the call has lasted as long as limits.wall says. A negative duration is
// [ErrBadArgument].
func Sleep[D Duration](d D) error { return errnoOf(imports.Sleep(int64(d))) }

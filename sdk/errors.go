package sdk

import (
	"math"

	"phasm/sdk/abi"
)

// Errors, to be compared with errors.Is.
const (
	ErrNotFound    = abi.NotFound    // no such header, argument, key, …
	ErrWrongPhase  = abi.WrongPhase  // the call means nothing in this phase, or the response's head has been sent
	ErrNotGranted  = abi.NotGranted  // the configuration does not grant this to the plugin
	ErrBadArgument = abi.BadArgument // a value that is malformed or out of range
	ErrNoMemory    = abi.NoMemory    // a limit on size or number was reached
	ErrTimeout     = abi.Timeout     // the call's deadline has passed
	ErrClosed      = abi.Closed      // the client has gone
	ErrBusy        = abi.Busy        // try again later
	ErrIO          = abi.IO          // reading or writing failed
	ErrExists      = abi.Exists      // a zone has such a key, or another value
	ErrNotNumber   = abi.NotNumber   // a zone's value is none that can be added to
	ErrNotList     = abi.NotList     // a zone's value is no list
	ErrIsList      = abi.IsList      // a zone's value is a list
)

// errnos are the errors as interface values: making one from a number would
// allocate each time.
var errnos = [...]error{
	nil, ErrNotFound, ErrWrongPhase, ErrNotGranted, ErrBadArgument, ErrNoMemory,
	ErrTimeout, ErrClosed, ErrBusy, ErrIO,
	ErrExists, ErrNotNumber, ErrNotList, ErrIsList,
}

// errnoOf turns a host function's result into an error: nil where it is not
// negative.
func errnoOf(n int32) error {
	if n >= 0 {
		return nil
	}
	if i := -int64(n); i < int64(len(errnos)) {
		return errnos[i]
	}
	return abi.Errno(n)
}

// clamp makes a number an i32. One that does not fit becomes the nearest that
// does, which the host refuses as it would the number.
func clamp(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

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
// allocate each time. They are as many as a byte has values, so that errnoOf
// needs no branch. It is small enough then for the compiler to put most of what
// calls it, such as Response.SetHeader, into the plugin's own code.
var errnos = func() (all [256]error) {
	for n := 1; n < len(all); n++ {
		all[n] = abi.Errno(-n)
	}
	return all
}()

// errnoOf turns a host function's result into an error: nil where it is not
// negative.
func errnoOf(n int32) error { return errnos[uint8(-min(n, 0))] }

// clamp makes a number an i32. One that does not fit becomes the nearest that
// does, which the host refuses as it would the number.
func clamp(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }

package sdk

import (
	"io"

	"phasm/sdk/internal/imports"
)

// Response is the response of the exchange. Handlers get it from
// [Request.Response]; reading works in all phases that see a request.
//
// What changes the head answers [ErrWrongPhase] once the head has been sent,
// which [Response.Flush] does.
type Response struct{}

var (
	_ io.Writer       = (*Response)(nil)
	_ io.StringWriter = (*Response)(nil)
)

// Status is the status code, 200 where nobody has set it (ngx.status).
func (r *Response) Status() int { return int(imports.ResponseStatus()) }

// SetStatus sets the status code, 200 to 599: else [ErrBadArgument]. Phases:
// rewrite, access, content, header_filter.
func (r *Response) SetStatus(code int) error {
	const refused = 600 // stands for all that an i32 has no room for
	return errnoOf(imports.ResponseSetStatus(int32(min(uint(code), refused))))
}

// Write adds bytes to the response's body (ngx.print). Phases: rewrite, access,
// content.
//
// The server holds 1 MiB back. What passes that is sent on in the content
// phase, where a client that has gone is [ErrClosed], and is [ErrNoMemory]
// before.
func (r *Response) Write(p []byte) (int, error) { return r.WriteString(stringOf(p)) }

// WriteString is [Response.Write] for a string.
func (r *Response) WriteString(s string) (int, error) {
	if n := imports.ResponseWrite(s); n < 0 {
		return 0, errnoOf(n)
	}
	return len(s), nil
}

// Flush sends the head and what has been written so far (ngx.flush), and waits
// until that is done; [ErrClosed] says that the client has gone. The header and
// body filters run before it returns, the plugin's own included. Phases:
// content.
func (r *Response) Flush() error { return errnoOf(imports.ResponseFlush()) }

package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero/sys"

	"phasm/plugins/host"
)

// output is where a guest's standard output and error go: to the server's
// log, line by line. A language's runtime reports its panics there, so the
// line that says what happened is kept for the error.
type output struct {
	call *host.Call
	line []byte
	last string // the last report of a panic
}

// maxLine is where a line without an end is cut.
const maxLine = 8 << 10

// Write takes what the guest writes. It never fails.
func (o *output) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		o.line = append(o.line, line[:min(len(line), maxLine-min(len(o.line), maxLine))]...)
		if ended {
			o.flush()
		}
		rest = after
	}
	return len(p), nil
}

// flush logs the line that has been written so far.
func (o *output) flush() {
	if len(o.line) == 0 {
		return
	}
	for _, beginning := range []string{"panic: ", "fatal error: "} {
		if bytes.HasPrefix(o.line, []byte(beginning)) {
			o.last = string(o.line[:min(len(o.line), 512)])
		}
	}
	o.call.LogLine(slog.LevelWarn, o.line)
	o.line = o.line[:0]
}

// explain puts the guest's own words before the runtime's where there are any.
func (o *output) explain(err error) error {
	o.flush()
	if o.last != "" {
		last := o.last
		o.last = ""
		var exit *sys.ExitError
		if errors.As(err, &exit) {
			return errors.New(last)
		}
		return fmt.Errorf("%s: %w", last, err)
	}
	return err
}

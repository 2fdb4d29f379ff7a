package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"phasm/plugins/host"
	"phasm/plugins/meter"
)

// output is where a guest's standard output and error go: to the server's
// log, line by line. A language's runtime reports its panics there, so the
// line that says what happened is kept for the error.
type output struct {
	call   *host.Call
	line   []byte
	last   string // the last report of a panic
	report int    // how many lines have come since the first one in this call, that included
}

// maxLine is where a line without an end is cut, and maxReport how many lines of
// a panic's report are logged: Go's goes through all goroutines, the one at fault
// first.
const (
	maxLine   = 8 << 10
	maxReport = 32
)

// Write takes what the guest writes. It never fails, but it stops a guest that
// writes for too long.
func (o *output) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		o.call.Look()
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
	if o.last != "" {
		o.report++
	}
	if o.report <= maxReport {
		o.call.LogLine(slog.LevelWarn, o.line)
	}
	o.line = o.line[:0]
}

// forget ends a report of a panic, if there is one, and answers its first line.
func (o *output) forget() (last string) {
	if left := o.report - maxReport; left > 0 {
		o.call.LogLine(slog.LevelWarn, fmt.Appendf(nil, "(%d more lines of this report are not logged)", left))
	}
	last, o.last, o.report = o.last, "", 0
	return last
}

// end logs what has no end of line once the call that wrote it is over, and
// forgets a panic that the guest has survived.
func (o *output) end() {
	if len(o.line) > 0 || o.last != "" {
		o.flush()
		o.forget()
	}
}

// explain says how a guest has failed, in its own words where there are any,
// in one line.
func (o *output) explain(err error) error {
	o.flush()
	last := o.forget()
	var exit *sys.ExitError
	switch exited := errors.As(err, &exit); {
	case exited && last != "":
		return errors.New(last)
	case exited:
		return fmt.Errorf("it exited with status %d", exit.ExitCode())
	case last != "":
		return fmt.Errorf("%s: %w", last, trap{err})
	default:
		return trap{err}
	}
}

// trap is an error of wazero's with its backtrace, which there takes a line a
// function.
type trap struct{ err error }

// Error leaves the host's own backtrace as it is, which follows where a host
// function has panicked.
func (t trap) Error() string {
	text := t.err.Error()
	end := strings.Index(text, "\n\n")
	if end < 0 {
		end = len(text)
	}
	head, frames, traced := strings.Cut(text[:end], "\nwasm stack trace:\n\t")
	head = strings.TrimSuffix(head, " (recovered by wazero)")
	if traced {
		frames = strings.TrimPrefix(frames, meter.RefillModule+"."+meter.RefillName+"() i32\n\t")
		head += " in " + oneLine(frames)
	}
	return head + text[end:]
}

// maxFrame is where a function is cut in a backtrace, in bytes: its type may
// have a thousand parts.
const maxFrame = 512

// oneLine writes a backtrace in one line, a function that calls itself once.
func oneLine(frames string) string {
	var line []string
	times := 1
	for frame := range strings.SplitSeq(strings.ReplaceAll(frames, "\n\t\t", " at "), "\n\t") {
		if len(frame) > maxFrame {
			frame = strings.ToValidUTF8(frame[:maxFrame], "") + "…"
		}
		if n := len(line); n > 0 && line[n-1] == frame {
			times++
			continue
		}
		line, times = append(ended(line, times), frame), 1
	}
	return strings.Join(ended(line, times), " ← ")
}

// ended says of the last frame how often it was there.
func ended(line []string, times int) []string {
	if times > 1 {
		line[len(line)-1] += fmt.Sprintf(" (%d times)", times)
	}
	return line
}

func (t trap) Unwrap() error { return t.err }

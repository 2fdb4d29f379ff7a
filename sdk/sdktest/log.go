//go:build !wasip1

package sdktest

import (
	"slices"
	"strings"

	"phasm/sdk/abi"
)

// LogLine is a line that the plugin wrote to the server's log, or that the
// server wrote about one of its calls.
type LogLine struct {
	Level    abi.Level
	Phase    abi.Phase
	Message  string
	Function string // the host function that was refused, else empty
}

// String is the line as a test's log shows it.
func (l LogLine) String() string {
	level := [...]string{abi.Debug: "debug", abi.Info: "info", abi.Warn: "warn", abi.Error: "error"}[l.Level]
	s := level + " " + l.Phase.String() + ": " + l.Message
	if l.Function != "" {
		s += " (" + l.Function + ")"
	}
	return s
}

// Logs are the lines so far, of all levels.
func (h *Host) Logs() []LogLine { return slices.Clone(h.fake.logs) }

// Messages are the messages of the lines so far, of all levels.
func (h *Host) Messages() []string {
	messages := make([]string, len(h.fake.logs))
	for i, line := range h.fake.logs {
		messages[i] = line.Message
	}
	return messages
}

// maxLogLine is where the server cuts a line off.
const maxLogLine = 8 << 10

// Log implements imports.Host.
func (f *fake) Log(level int32, message string) int32 {
	if level < 0 || level > int32(abi.Error) {
		return badArgument
	}
	message = strings.ToValidUTF8(message[:min(len(message), maxLogLine)], "\uFFFD")
	f.log(LogLine{Level: abi.Level(level), Phase: f.phase, Message: strings.Clone(message)})
	return done
}

func (f *fake) log(line LogLine) {
	f.logs = append(f.logs, line)
	f.print(line)
}

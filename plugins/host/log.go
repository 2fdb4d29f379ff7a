package host

import (
	"context"
	"log/slog"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// maxLogLine is where a guest's log line is cut off, so that no guest floods
// the disk with one call.
const maxLogLine = 8 << 10

var levels = [...]slog.Level{
	abi.Debug: slog.LevelDebug,
	abi.Info:  slog.LevelInfo,
	abi.Warn:  slog.LevelWarn,
	abi.Error: slog.LevelError,
}

func logMessage(c *Call, s []uint64) {
	level := api.DecodeI32(s[0])
	message, ok := c.view(s[1], s[2])
	if !ok || level < 0 || int(level) >= len(levels) {
		fail(s, abi.BadArgument)
		return
	}
	if c.Exchange == nil && level == int32(abi.Error) {
		c.Failure = validText(message)
	}
	c.LogLine(levels[level], message)
	s[0] = 0
}

// LogLine writes a line of the guest's to the server's log, with the phase
// and the request's id.
func (c *Call) LogLine(level slog.Level, line []byte) {
	if !c.Plugin.Log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("phase", c.Phase.String())}
	if c.Exchange != nil {
		attrs = append(attrs, slog.String("request_id", string(c.Exchange.ID())))
	}
	c.Plugin.Log.LogAttrs(context.Background(), level, validText(line), attrs...)
}

// validText is what a guest wrote, cut off and made UTF-8.
func validText(line []byte) string {
	return strings.ToValidUTF8(string(line[:min(len(line), maxLogLine)]), "\uFFFD")
}

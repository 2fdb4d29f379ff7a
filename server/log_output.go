package server

import (
	"log/slog"

	"phasm/server/config"
)

// logBuffer is how much of the server's own log may wait to be written, in
// bytes.
const logBuffer = 1 << 20

// openLogs opens the server's log and the access log as the generation's
// configuration asks.
func (s *Server) openLogs(g *generation) (problems []config.Problem) {
	c := &g.config.Server
	var err error
	if g.errorLog, err = s.logs.open(logUse{s.metrics.serverLog, c.Log.File, logBuffer}); err != nil {
		problems = append(problems, g.config.Problem("server.log.file", "%v", err))
	} else {
		g.log = newLogger(&c.Log, g.errorLog)
	}
	if c.AccessLog.File == "" {
		return problems
	}
	if g.accessLog, err = s.logs.open(logUse{s.metrics.accessLog, c.AccessLog.File, int(c.AccessLog.Buffer)}); err != nil {
		problems = append(problems, g.config.Problem("server.access_log.file", "%v", err))
	}
	return problems
}

func newLogger(c *config.Log, out *logFile) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		panic("BUG: the configuration let a log level through: " + err.Error())
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

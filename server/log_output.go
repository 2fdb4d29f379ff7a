package server

import (
	"log/slog"

	"phasm/server/config"
)

// logBuffer is how much of the server's own log may wait to be written, in
// bytes.
const logBuffer = 1 << 20

// openLogs opens the server's log and the access log.
func (s *Server) openLogs() error {
	c := &s.config.Server
	out, err := openLog(c.Log.File, logBuffer)
	if err != nil {
		return config.Join(s.config.Problem("server.log.file", "%v", err))
	}
	s.errorLog = out
	s.log = newLogger(&c.Log, out)
	if c.AccessLog.File == "" {
		return nil
	}
	if s.accessLog, err = openLog(c.AccessLog.File, int(c.AccessLog.Buffer)); err != nil {
		s.errorLog.close()
		return config.Join(s.config.Problem("server.access_log.file", "%v", err))
	}
	return nil
}

func (s *Server) closeLogs() {
	if s.accessLog != nil {
		s.accessLog.close()
	}
	s.errorLog.close()
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

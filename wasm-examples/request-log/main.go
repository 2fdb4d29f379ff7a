// Package main is request-log: for each request it writes one line of JSON to
// the server's log.
package main

import (
	"strconv"
	"time"

	"phasm/sdk"
)

func init() { sdk.Log(log) }

func main() {}

// line is where lines are put together, value where their values are read. An
// instance serves one exchange at a time, so one of each is enough, and a
// request costs no allocation.
var (
	line  = make([]byte, 0, 1024)
	value = make([]byte, 0, 256)
)

// log writes the line, with the severity that the status deserves.
func log(r *sdk.Request) {
	status := r.Response().Status()
	level, name := severity(status)
	now := time.Unix(0, sdk.Now()).UTC()

	line = append(line[:0], `{"timestamp":"`...)
	line = now.AppendFormat(line, "2006-01-02T15:04:05.000Z07:00")
	line = append(line, `","level":"`...)
	line = append(line, name...)
	line = append(line, `","message":"request"`...)
	for i := range fields {
		f := &fields[i]
		text, err := r.AppendVariable(value[:0], f.variable)
		if err != nil {
			continue // the request has no such header
		}
		value = text
		line = append(append(append(line, `,"`...), f.key...), `":`...)
		line = sdk.AppendJSONString(line, value)
	}
	line = append(line, `,"status":`...)
	line = strconv.AppendInt(line, int64(status), 10)
	line = append(line, `,"response_time":`...)
	line = appendMilliseconds(line, now.UnixNano()-r.StartTime())
	sdk.LogBytes(level, append(line, '}'))
}

// fields are the parts of the line that are variables.
var fields = []struct{ key, variable string }{
	{"request_id", "request_id"},
	{"remote_addr", "remote_addr"},
	{"method", "request_method"},
	{"uri", "uri"},
	{"route", "route"},
	{"user_agent", "http_user_agent"},
}

func severity(status int) (sdk.Level, string) {
	switch {
	case status >= 500:
		return sdk.LevelError, "ERROR"
	case status >= 400:
		return sdk.LevelWarn, "WARN"
	}
	return sdk.LevelInfo, "INFO"
}

// appendMilliseconds writes a duration in nanoseconds as milliseconds with
// three decimals. A clock that was set back makes it 0.
func appendMilliseconds(dst []byte, ns int64) []byte {
	us := max(ns, 0) / 1000
	dst = strconv.AppendInt(dst, us/1000, 10)
	return append(dst, '.', byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

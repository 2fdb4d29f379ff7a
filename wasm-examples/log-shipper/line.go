package main

import (
	"os"
	"strconv"
	"time"

	"phasm/sdk"
)

// value is where values are read. An instance serves one exchange at a time,
// so one is enough.
var value = make([]byte, 0, 256)

// appendLine appends a request's line.
func appendLine(dst []byte, r *sdk.Request, now int64) []byte {
	status := r.Response().Status()
	dst = append(dst, `{"timestamp":"`...)
	dst = time.Unix(0, now).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
	dst = append(append(dst, `","level":"`...), severity(status)...)
	dst = append(dst, `","message":"request"`...)
	for i := range fields {
		dst = appendVariable(dst, r, fields[i].key, fields[i].variable)
	}
	dst = append(dst, `,"response_time":`...)
	dst = appendMilliseconds(dst, now-r.StartTime())
	dst = append(dst, `,"pid":`...)
	dst = strconv.AppendInt(dst, int64(os.Getpid()), 10)
	dst = append(dst, `,"context":{"status":`...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = appendVariable(dst, r, "route", "route")
	return append(dst, "}}"...)
}

// fields are the parts of the line that are variables.
var fields = []struct{ key, variable string }{
	{"request_id", "request_id"},
	{"remote_addr", "remote_addr"},
	{"uri", "uri"},
	{"method", "request_method"},
	{"user_agent", "http_user_agent"},
}

// appendVariable appends a member; of a request without such a header it is
// empty.
func appendVariable(dst []byte, r *sdk.Request, key, variable string) []byte {
	text, err := r.AppendVariable(value[:0], variable)
	if err == nil {
		value = text
	}
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return sdk.AppendJSONString(dst, text)
}

func severity(status int) string {
	switch {
	case status >= 500:
		return "ERROR"
	case status >= 400:
		return "WARN"
	}
	return "INFO"
}

// appendMilliseconds writes a duration in nanoseconds as milliseconds with
// three decimals. A clock that was set back makes it 0.
func appendMilliseconds(dst []byte, ns int64) []byte {
	us := max(ns, 0) / 1000
	dst = strconv.AppendInt(dst, us/1000, 10)
	return append(dst, '.', byte('0'+us/100%10), byte('0'+us/10%10), byte('0'+us%10))
}

package main

import (
	"os"
	"strconv"
	"time"

	"phasm/sdk"
)

// alert is something that somebody should look at.
type alert struct {
	kind string
	data string // a JSON object with the figures

	// The figure that the webhook's readers see, and what it is.
	title, value string
}

// Kinds of alerts.
const (
	highErrorRate   = "HIGH_ERROR_RATE"
	slowResponse    = "SLOW_RESPONSE"
	highMemoryUsage = "HIGH_MEMORY_USAGE"
)

// tooManyErrors is nil where the errors are few.
func tooManyErrors(f figures) *alert {
	if f.requests == 0 {
		return nil
	}
	rate := float64(f.errors) / float64(f.requests) * 100
	if errorRate <= 0 || rate <= errorRate {
		return nil
	}
	return &alert{
		kind: highErrorRate,
		data: `{"error_rate":` + strconv.FormatFloat(rate, 'f', -1, 64) +
			`,"total_requests":` + strconv.FormatInt(f.requests, 10) +
			`,"error_count":` + strconv.FormatInt(f.errors, 10) + `}`,
		title: "Error Rate", value: strconv.FormatFloat(rate, 'f', 2, 64) + "%",
	}
}

// tooSlow is nil where requests are fast enough.
func tooSlow(f figures) *alert {
	if f.requests == 0 {
		return nil
	}
	ms := float64(f.time) / float64(f.requests) / 1000
	if mean <= 0 || ms <= float64(mean)/1e6 {
		return nil
	}
	return &alert{
		kind: slowResponse,
		data: `{"avg_response_time":` + strconv.FormatFloat(ms, 'f', -1, 64) +
			`,"slow_requests":` + strconv.FormatInt(f.slow, 10) + `}`,
		title: "Average Response Time", value: strconv.FormatFloat(ms, 'f', 0, 64) + " ms",
	}
}

// tooMuchMemory is nil where the server's memory is within its bounds.
func tooMuchMemory(bytes int64) *alert {
	if bytes <= int64(memory)<<20 {
		return nil
	}
	mib := strconv.FormatInt(bytes>>20, 10)
	return &alert{
		kind:  highMemoryUsage,
		data:  `{"memory_usage":` + strconv.FormatInt(bytes, 10) + `,"memory_usage_mb":` + mib + `}`,
		title: "Memory Usage", value: mib + " MB",
	}
}

// raise logs an alert and puts it where deliver finds it, once in a cooldown.
func raise(a *alert) {
	if a == nil {
		return
	}
	switch err := zone.Add("raised "+a.kind, sdk.Int(1), sdk.TTL(cooldown)); err {
	case nil:
	case sdk.ErrExists:
		return
	default:
		sdk.Warn("cannot remember alert " + a.kind + ", so it may be repeated: " + err.Error())
	}
	now := time.Unix(0, sdk.Now()).UTC().Format("2006-01-02 15:04:05")
	sdk.Error("System alert triggered " + a.line(now))
	if webhook == "" {
		return
	}
	if err := zone.Set(unsent(a.kind), sdk.Text(a.message(now)), sdk.TTL(cooldown)); err != nil {
		sdk.Warn("cannot keep alert " + a.kind + " for the webhook: " + err.Error())
	}
}

// line is the alert as the log has it, in JSON.
func (a *alert) line(now string) string {
	b := append([]byte(`{"alert_type":"`), a.kind...)
	b = append(append(b, `","timestamp":"`...), now...)
	b = sdk.AppendJSONString(append(b, `","server_info":{"hostname":`...), hostname)
	b = strconv.AppendInt(append(b, `,"worker_pid":`...), int64(os.Getpid()), 10)
	return string(append(append(append(b, `},"data":`...), a.data...), '}'))
}

// message is the alert as Slack's webhooks take it, in JSON.
func (a *alert) message(now string) string {
	b := sdk.AppendJSONString([]byte(`{"text":`), "🚨 "+name+" Alert: "+a.kind)
	b = append(b, `,"attachments":[{"color":"danger","fields":[{"title":"Server","value":`...)
	b = sdk.AppendJSONString(b, hostname)
	b = append(b, `,"short":true},{"title":"Worker PID","value":`...)
	b = strconv.AppendInt(b, int64(os.Getpid()), 10)
	b = append(append(b, `,"short":true},{"title":"Timestamp","value":"`...), now...)
	b = append(append(b, `","short":false},{"title":"`...), a.title...)
	b = append(append(b, `","value":"`...), a.value...)
	return string(append(b, `","short":true}]}]}`...))
}

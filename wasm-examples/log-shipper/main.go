// Package main is log-shipper: for each request it writes one line of JSON,
// and sends lines to a collector in batches. No request waits for that.
package main

import (
	"errors"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Log(log)
	sdk.ExitWorker(flush)
}

func main() {}

var (
	collector string // its URL
	interval  int64  // how old a line may become, in nanoseconds, if there are requests
	timeout   int64  // how long sending may take, in nanoseconds
	lines     batch

	dropped = sdk.NewCounter("lines_dropped_total", "Lines that there was no room for while the collector was slow.")
)

func configure() (err error) {
	if collector = sdk.Config("collector"); collector == "" {
		return errors.New(`config has no collector: write its URL, as in {collector = "http://127.0.0.1:9200/logs"}`)
	}
	if interval, err = sdk.ConfigDuration("interval", int64(1e9)); err != nil {
		return err
	}
	timeout, err = sdk.ConfigDuration("timeout", int64(1e9))
	return err
}

// log adds a line, and sends the batch when it is time. That goes on by itself:
// whether the collector is slow, or there is none, concerns no request.
func log(r *sdk.Request) {
	now := sdk.Now()
	if !lines.add(now, func(dst []byte) []byte { return appendLine(dst, r, now) }) {
		dropped.With().Inc()
	}
	if lines.due(now, interval) && sdk.Send(post()) == nil {
		lines.clear()
	}
}

// flush sends what is left, and waits: afterwards there is nobody who could.
func flush() error {
	if lines.empty() {
		return nil
	}
	resp, err := sdk.Fetch(post())
	if err == nil && resp.Status >= 300 {
		err = errors.New("the collector refuses the last lines with status " + strconv.Itoa(resp.Status))
	}
	lines.clear()
	if err != nil {
		sdk.Warn(err.Error())
	}
	return nil
}

func post() *sdk.HTTPRequest {
	r := &sdk.HTTPRequest{Method: "POST", URL: collector, Body: lines.bytes(), Timeout: timeout}
	r.Header.Add("Content-Type", "application/x-ndjson")
	return r
}

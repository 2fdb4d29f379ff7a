// Package main is log-shipper: for each request it writes one line of JSON,
// and a timer sends lines to a collector in batches. No request waits for that.
package main

import (
	"errors"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.InitWorker(start)
	sdk.Log(log)
	sdk.OnTimer("ship", ship)
}

func main() {}

// zone has the lines of all instances until they are sent. Its size bounds
// them: where the collector is slower than the requests, lines are dropped.
var zone = sdk.OpenZone("lines")

const key = "lines" // of the list in the zone

var (
	collector string        // its URL
	interval  time.Duration // between two runs of the timer
	timeout   time.Duration // how long sending a batch may take

	dropped = sdk.NewCounter("lines_dropped_total", "Lines that there was no room for while the collector was slow, or that it refused.")
)

func configure() (err error) {
	if collector = sdk.Config("collector"); collector == "" {
		return errors.New(`config has no collector: write its URL, as in {collector = "http://127.0.0.1:9200/logs"}`)
	}
	if interval, err = sdk.ConfigDuration("interval", time.Second); err != nil {
		return err
	}
	timeout, err = sdk.ConfigDuration("timeout", time.Second)
	return err
}

// start sets the timer. This happens once per loaded configuration.
func start() error {
	_, err := sdk.Every(interval, "ship", "")
	return err
}

// line is where lines are written. An instance serves one exchange at a time,
// so one is enough.
var line []byte

// log adds a line to those that wait. That there is no room concerns no request.
func log(r *sdk.Request) {
	line = appendLine(line[:0], r, sdk.Now())
	if _, err := zone.PushRight(key, sdk.Text(string(line))); err != nil {
		dropped.With().Inc()
	}
}

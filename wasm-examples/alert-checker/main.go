// Package main is alert-checker: the log phase counts requests in a zone, and a
// timer looks at the counts and sends alerts to a webhook.
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
	sdk.OnTimer("check", check)
}

func main() {}

// What the configuration says. A threshold of 0 is none.
var (
	zone = sdk.OpenZone("alerts")

	name     string        // of what sends the alerts
	interval time.Duration // between two checks
	window   time.Duration // that a check looks back
	cooldown time.Duration // in which an alert is not repeated
	timeout  time.Duration // of the webhook, for each alert

	errorRate   float64       // in percent
	mean        time.Duration // of the times that requests take
	memory      int           // in MiB
	slow        time.Duration // requests that take this long are counted as slow
	minRequests int           // in the window: fewer are no reason for an alert

	webhook  string // its URL, empty: alerts are only logged
	metrics  string // the URL of the admin listener's metrics, empty: memory is not looked at
	hostname string
)

// uncounted says that the zone is in trouble: no request is told of it.
var uncounted = sdk.NewCounter("alert_requests_uncounted_total", "Requests that could not be counted.").With()

func configure() error {
	name = sdk.ConfigOr("name", "phasm")
	metrics = sdk.Config("metrics")
	webhook = sdk.Config("webhook")
	if webhook == "" {
		webhook = environment("SLACK_WEBHOOK_URL", "")
	}
	hostname = environment("HOSTNAME", "unknown")

	err := errors.Join(
		set(&interval, "interval", 10*time.Second),
		set(&window, "window", time.Minute),
		set(&cooldown, "cooldown", 5*time.Minute),
		set(&timeout, "timeout", 5*time.Second),
		set(&mean, "mean", 2*time.Second),
		set(&slow, "slow", time.Second),
	)
	var errs [3]error
	errorRate, errs[0] = sdk.ConfigFloat("error_rate", 5)
	memory, errs[1] = sdk.ConfigInt("memory", 500)
	minRequests, errs[2] = sdk.ConfigInt("min_requests", 1)
	if err := errors.Join(err, errs[0], errs[1], errs[2]); err != nil {
		return err
	}
	if interval < 10*time.Millisecond || window < interval || window > maxSlots*interval {
		return errors.New(`config.interval must be at least "10ms", and config.window 1 to 100 times as long`)
	}
	return nil
}

func set(d *time.Duration, key string, missing time.Duration) (err error) {
	*d, err = sdk.ConfigDuration(key, missing)
	return err
}

func environment(name, missing string) string {
	value, err := sdk.Env(name)
	if err != nil || value == "" {
		return missing
	}
	return value
}

// start sets the timer. This happens once per loaded configuration.
func start() error {
	_, err := sdk.Every(interval, "check", "")
	return err
}

func log(r *sdk.Request) {
	now := sdk.Now()
	if count(now, r.Response().Status(), now-r.StartTime()) != nil {
		uncounted.Inc()
	}
}

// check looks at what was counted, and raises alerts. What cannot be had, or
// sent, is had or sent the next time.
func check(t *sdk.Timer) error {
	if t.Premature {
		return nil // the zone stays, for the next configuration's timer
	}
	f, err := counted(sdk.Now())
	if err != nil {
		sdk.Warn("cannot read what was counted: " + err.Error())
		return nil
	}
	if int(f.requests) >= minRequests {
		raise(tooManyErrors(f))
		raise(tooSlow(f))
	}
	if metrics != "" && memory > 0 {
		bytes, err := residentMemory()
		if err != nil {
			sdk.Warn("cannot read the server's memory: " + err.Error())
		} else {
			raise(tooMuchMemory(bytes))
		}
	}
	if webhook != "" {
		deliver()
	}
	return nil
}

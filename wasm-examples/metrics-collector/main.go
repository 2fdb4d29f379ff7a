// Package main is metrics-collector: the log phase counts requests in a zone,
// and content prints the counts for Prometheus.
package main

import (
	"errors"
	"math"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.InitWorker(start)
	sdk.Content(content)
	sdk.Log(log)
}

func main() {}

// zone has the counts of all instances.
var zone = sdk.OpenZone("metrics")

// uncounted says that the zone is in trouble: no request is told of it.
var uncounted = sdk.NewCounter("collector_requests_uncounted_total", "Requests that could not be counted.").With()

// defaultBuckets are in seconds, as those of Prometheus' own clients.
var defaultBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

const maxBuckets = 50

func configure() error {
	bounds := defaultBuckets
	if sdk.HasConfig("buckets") {
		texts, err := sdk.ConfigList("buckets")
		if err != nil {
			return err
		}
		bounds = nil
		for _, text := range texts {
			bound, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(bound) || math.IsInf(bound, 0) || len(bounds) > 0 && bound <= bounds[len(bounds)-1] || len(bounds) == maxBuckets {
				return errors.New("cannot use config.buckets = " + sdk.Config("buckets") + ": it must be at most 50 numbers that grow, in seconds")
			}
			bounds = append(bounds, bound)
		}
	}
	setBuckets(bounds)
	return nil
}

// start notes when the counts begin, unless they go on after a reload.
func start() error {
	if err := zone.Add(startKey, sdk.Int(sdk.Now()), 0); err != nil && err != sdk.ErrExists {
		sdk.Warn("cannot note the start: " + err.Error())
	}
	return nil
}

func log(r *sdk.Request) {
	if count(r.Method(), r.Response().Status(), r.Variable("route"), sdk.Now()-r.StartTime()) != nil {
		uncounted.Inc()
	}
}

// content prints all that was counted.
func content(r *sdk.Request) sdk.Action {
	page, err := appendPage(nil)
	if err != nil {
		sdk.Error("cannot read the counts: " + err.Error())
		return r.Exit(503)
	}
	r.Response().SetHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	r.Response().Write(page)
	return sdk.Final
}

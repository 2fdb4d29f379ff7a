// Command metrics is a plugin with metrics of its own. A request's query names
// the label's value and the number: each request counts in all three. Where
// its configuration says so it defines them in another way.
package main

import (
	"strconv"

	"phasm/sdk"
)

var (
	seen  = sdk.NewCounter("guest_seen_total", "Numbers seen, \"by\" label\\\nand nothing else.", label())
	last  = sdk.NewGauge("guest_last", "The last number.", "label")
	sizes = sdk.NewHistogram("guest_sizes", "The numbers.", []float64{1, 10}, "label")
)

func init() { sdk.Content(count) }

func main() {}

func label() string {
	if sdk.Config("label") != "" {
		return sdk.Config("label")
	}
	return "label"
}

func count(r *sdk.Request) sdk.Action {
	label := r.Query("label")
	number, err := strconv.ParseFloat(r.Query("number"), 64)
	if err != nil {
		return r.Exit(400)
	}
	for _, err := range []error{
		seen.With(label).Inc(), last.With(label).Set(number), sizes.With(label).Observe(number),
	} {
		if err != nil {
			r.Response().WriteString(err.Error() + "\n")
		}
	}
	return sdk.Continue
}

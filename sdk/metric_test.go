//go:build !wasip1

package sdk_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/internal/phases"
	"phasm/sdk/sdktest"
)

func TestMetrics(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	hits := sdk.NewCounter("hits_total", "Hits.", "method", "status")
	early := hits.With("GET", "200") // before there is a server
	size := sdk.NewGauge("size", "Size.")
	took := sdk.NewHistogram("took_seconds", "Time taken.", []float64{0.1, 1}, "path")

	for range 2 { // a new server each time
		h, err := sdktest.Start(nil)
		if err != nil {
			t.Fatal(err)
		}
		fails(t, "inc", early.Inc(), nil)
		fails(t, "inc", hits.With("GET", "200").Inc(), nil)
		fails(t, "add", hits.With("POST", strings.Repeat("1", 300)).Add(2.5), nil)
		fails(t, "a counter falls", early.Add(-1), sdk.ErrBadArgument)
		fails(t, "not a number", early.Add(math.NaN()), sdk.ErrBadArgument)
		equal(t, "hits", h.Metric("hits_total", "GET", "200"), 2)
		equal(t, "hits", h.Metric("hits_total", "POST", strings.Repeat("1", 300)), 2.5)
		equal(t, "hits", h.Metric("hits_total", "PUT", "200"), 0)

		fails(t, "set", size.With().Set(10), nil)
		fails(t, "add", size.With().Add(-3), nil)
		fails(t, "not a number", size.With().Set(math.NaN()), sdk.ErrBadArgument)
		equal(t, "size", h.Metric("size"), 7)

		fails(t, "observe", took.With("/").Observe(0.5), nil)
		fails(t, "observe", took.With("/").Observe(2), nil)
		fails(t, "observe", took.With("/").Observe(math.Inf(1)), sdk.ErrBadArgument)
		equal(t, "took", h.Metric("took_seconds", "/"), 2)
		equalList(t, "took", h.Observations("took_seconds", "/"), []float64{0.5, 2})
		equalList(t, "took", h.Observations("took_seconds", "/none"), nil)
		h.Close()
	}
}

func TestMetricBeforeInit(t *testing.T) {
	sdktest.New(t, nil)
	c := sdk.NewCounter("late_total", "Late.")
	fails(t, "inc", c.With().Inc(), sdk.ErrNotFound)
}

// TestMetricInInit declares a metric while the plugin is being initialised.
func TestMetricInInit(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	var c *sdk.Counter
	sdk.Init(func() error {
		c = sdk.NewCounter("made_total", "Made in init.", "n")
		c.With("1")
		return nil
	})
	for range 2 {
		h, err := sdktest.Start(nil)
		if err != nil {
			t.Fatal(err)
		}
		fails(t, "inc", c.With("1").Inc(), nil)
		equal(t, "made", h.Metric("made_total", "1"), 1)
		h.Close()
	}
}

func TestMetricRefused(t *testing.T) {
	before := phases.Save()
	defer phases.Restore(before)
	sdk.NewCounter("hits", "Hits.")
	_, err := sdktest.Start(nil)
	want := `cannot start the plugin: cannot define metric "hits": a counter's name, and no other, ends in _total; cannot define metric "hits": bad argument`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
}

func TestMetricLabels(t *testing.T) {
	sdktest.New(t, nil)
	c := sdk.NewCounter("x_total", "X.", "a")
	defer func() {
		equal(t, "panic", recover(), any("sdk: metric x_total has 1 labels, not 2"))
	}()
	c.With("1", "2")
}

// TestMetricFull asks for more series than a metric may have.
func TestMetricFull(t *testing.T) {
	before := phases.Save()
	t.Cleanup(func() { phases.Restore(before) })
	c := sdk.NewCounter("full_total", "Full.", "n")
	sdktest.New(t, nil)
	for i := range 1000 {
		fails(t, "inc", c.With(fmt.Sprint(i)).Inc(), nil)
	}
	fails(t, "one more", c.With("more").Inc(), sdk.ErrNoMemory)
	fails(t, "a known one", c.With("999").Inc(), nil)
}

package metric

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

func TestSeriesLimit(t *testing.T) {
	r := NewRegistry()
	f, err := r.DefinePlugin("p", Counter, "a_total", "A.", []string{"l"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.PluginSeries("p", []string{"0"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxSeries {
		if _, err := f.PluginSeries("p", []string{fmt.Sprint(i)}); err != nil {
			t.Fatalf("series %d: %v", i, err)
		}
	}
	for _, v := range []string{"more", "1000"} {
		if s, err := f.PluginSeries("p", []string{v}); !errors.Is(err, ErrTooManySeries) || s != nil {
			t.Errorf("series %q over the limit: %v, %v", v, s, err)
		}
	}
	if s, err := f.PluginSeries("p", []string{"0"}); s != first || err != nil {
		t.Errorf("a full family does not find its own series: %v", err)
	}
	if got := strings.Count(exposition(r), "\na_total{"); got != maxSeries {
		t.Errorf("%d lines, want %d", got, maxSeries)
	}
}

func TestPluginSeriesCountsLabels(t *testing.T) {
	f, err := NewRegistry().DefinePlugin("p", Gauge, "a", "A.", []string{"l"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range [][]string{nil, {"1", "2"}} {
		if _, err := f.PluginSeries("p", values); err == nil {
			t.Errorf("%d values for one label are taken", len(values))
		}
	}
}

func TestSeriesWithWrongLabelsPanics(t *testing.T) {
	defer func() {
		if s := fmt.Sprint(recover()); !strings.HasPrefix(s, "BUG: ") {
			t.Errorf("recovered %q", s)
		}
	}()
	NewRegistry().Must(Gauge, "a", "A.", []string{"l"}).Series()
}

func TestLabelValues(t *testing.T) {
	long := strings.Repeat("a", maxLabelValue)
	for _, c := range []struct{ value, want string }{
		{"", ""},
		{"plain", "plain"},
		{`"`, `"`}, {`\`, `\`}, {`\\`, `\\`}, {"\n", "\n"}, {`\n`, `\n`}, {`a"b\`, `a"b\`},
		{"\t\r\x00", "\t\r\x00"},
		{`},x="y"`, `},x="y"`},
		{long, long},
		{long + "b", long},
		{long[1:] + "é", long[1:] + "\uFFFD"}, // the cut goes through the é
		{"a\xffb", "a\uFFFDb"},
	} {
		if got := parsedValue(t, c.value); got != c.want {
			t.Errorf("%q is written as %q, want %q", c.value, got, c.want)
		}
	}
}

// parsedValue is a label's value as a reader of the metrics gets it.
func parsedValue(t *testing.T, value string) string {
	t.Helper()
	f := NewRegistry().Must(Gauge, "a", "A.", []string{"l"})
	f.Series(value).Set(1)
	return parsedFamily(t, f).samples[0].labels["l"]
}

func parsedFamily(t *testing.T, f *Family) family {
	t.Helper()
	var b strings.Builder
	f.write(&b)
	families, err := parseText(b.String())
	if err != nil || len(families) != 1 {
		t.Fatalf("%v in %d families of:\n%s", err, len(families), b.String())
	}
	return families[0]
}

func TestFuncTakesOver(t *testing.T) {
	f := NewRegistry().Must(Gauge, "a", "A.", []string{"l"})
	f.Func(func() float64 { return 1 }, "x")
	f.Func(func() float64 { return 5 }, "y")
	f.Func(func() float64 { return 2 }, "x")
	got := parsedFamily(t, f).samples
	if len(got) != 2 || got[0].value != 2 || got[1].value != 5 {
		t.Errorf("got %v, want 2 and 5", got)
	}
}

// What comes and goes with its owner's things goes for good with the owner.
func TestEach(t *testing.T) {
	r := NewRegistry()
	group := r.Next()
	f := group.Must(Counter, "a_total", "A.", []string{"owner", "thing"})
	things := map[string]float64{"x": 1}
	f.Each("o", func(emit func(float64, ...string)) {
		for name, value := range things {
			emit(value, name)
		}
	})
	if got := exposition(r); !strings.Contains(got, "\na_total{owner=\"o\",thing=\"x\"} 1\n") {
		t.Errorf("x is not there:\n%s", got)
	}
	delete(things, "x")
	things[`"`] = 2.5
	if got := parsedFamily(t, f).samples; len(got) != 1 || got[0].value != 2.5 || got[0].labels["thing"] != `"` {
		t.Errorf("got %v", got)
	}
	group.Close()
	if got := exposition(r); strings.Contains(got, "a_total{") {
		t.Errorf("after the owner's end:\n%s", got)
	}
}

// While a function is replaced, as at every reload, no reader misses it.
func TestFuncIsNeverMissing(t *testing.T) {
	f := NewRegistry().Must(Gauge, "a", "A.", nil)
	one := func() float64 { return 1 }
	f.Func(one)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				f.Func(one)
			}
		}
	})
	for range 2000 {
		var b strings.Builder
		if f.write(&b); !strings.HasSuffix(b.String(), "\na 1\n") {
			t.Errorf("written without the gauge:\n%s", b.String())
			break
		}
	}
	close(stop)
	wg.Wait()
}

// FuzzExposition writes families with any help text and any label value.
// Whatever they are, every line parses and gives back what was put in.
func FuzzExposition(f *testing.F) {
	for _, s := range []string{"", "plain", `"`, `\`, `a\nb`, "a\nb", "\r\x00", "é\xff", `x"} 1`, "# HELP", strings.Repeat("é", 200)} {
		f.Add("help", s, 1.5)
		f.Add(s, "value", math.Copysign(0, -1))
	}
	f.Add("help", "value", inf)
	f.Add("help", "value", nan)
	f.Fuzz(func(t *testing.T, help, value string, v float64) {
		want := strings.ToValidUTF8(value[:min(len(value), maxLabelValue)], "\uFFFD")
		for kind := Counter; kind <= Histogram; kind++ {
			name := map[Kind]string{Counter: "a_total", Gauge: "a", Histogram: "a_seconds"}[kind]
			family, err := NewRegistry().DefinePlugin("p", kind, name, help, []string{"l"}, []float64{-1, 0, 1e9})
			if bad := help == "" || len(help) > 1000 || !utf8.ValidString(help); bad != (err != nil) {
				t.Fatalf("help %q: %v", help, err)
			} else if bad {
				return
			}
			series, err := family.PluginSeries("p", []string{value})
			if err != nil {
				t.Fatal(err)
			}
			changed := series.Add(v) || series.Set(v) || series.Observe(v)
			got := parsedFamily(t, family)
			if got.help != help || got.kind != kind.String() || len(got.samples) == 0 {
				t.Errorf("%s with help %q came back as %+v", kind, help, got)
			}
			for _, s := range got.samples {
				if s.labels["l"] != want || s.labels["plugin"] != "p" {
					t.Errorf("%s: value %q came back as %q", kind, want, s.labels)
				}
				if changed && kind != Histogram && s.value != v {
					t.Errorf("%s: %v came back as %v", kind, v, s.value)
				}
			}
		}
	})
}

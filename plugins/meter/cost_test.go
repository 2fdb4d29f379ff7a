//go:build !race

package meter_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// What metering may cost work that is all loops: in the geometric mean and at
// worst.
const (
	maxMean  = 1.10
	maxWorst = 1.25
)

// workloads are the exports of the guests in testdata/cost.
var workloads = []string{"hash", "scan", "sort", "replace", "json_encode", "sha256"}

// BenchmarkMetering prints what metering costs guests in stock Go and C, and
// fails where that is too much. Beside it stands what wazero's own time limit
// costs (WithCloseOnContextDone).
func BenchmarkMetering(b *testing.B) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "guest\twork\tplain, µs\tmetered\tleast\twazero's own limit\t")
	var ratios, limited []float64
	for _, guest := range []struct {
		name string
		wasm []byte
	}{
		{"Go", buildGo(b, "testdata/cost/go")},
		{"C", buildC(b, "testdata/cost/c/guest.c")},
	} {
		plain := newCostGuest(b, guest.wasm, unmetered)
		metered := newCostGuest(b, guest.wasm, metered)
		limit := newCostGuest(b, guest.wasm, closedOnDone)
		for _, work := range workloads {
			p, m, l := plain.work(b, work), metered.work(b, work), limit.work(b, work)
			if answer := p.call(); answer != m.call() || answer != l.call() {
				b.Fatalf("%s in %s answers differently when metered", work, guest.name)
			}
			c := compare(p.time, m.time)
			calls, limitRatios := c.calls, []float64(nil)
			for range 15 { // it is slow, and no more than a comparison
				limitRatios = append(limitRatios, float64(l.time(max(1, calls/4)))/float64(p.time(max(1, calls/4))))
			}
			ratios, limited = append(ratios, c.ratio), append(limited, median(limitRatios))
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.2f\t%.1f\t\n", guest.name, work, c.plain/1e3, c.ratio, c.least, median(limitRatios))
		}
	}
	mean, worst := geometricMean(ratios), slices.Max(ratios)
	fmt.Fprintf(w, "\tgeometric mean\t\t%.3f\t\t%.1f\t\n", mean, geometricMean(limited))
	fmt.Fprintf(w, "\tworst\t\t%.2f\t\t%.1f\t\n", worst, slices.Max(limited))
	w.Flush()
	fmt.Print("\n", table.String())
	b.ReportMetric(mean, "mean")
	b.ReportMetric(worst, "worst")
	b.ReportMetric(0, "ns/op") // the time of it all says nothing
	if mean > maxMean || worst > maxWorst {
		b.Errorf("metering costs ×%.3f in the geometric mean and ×%.2f at worst, it may be ×%.2f and ×%.2f",
			mean, worst, maxMean, maxWorst)
	}
}

// comparison is what metering costs some work.
type comparison struct {
	plain float64 // how long a call takes, in nanoseconds, the median
	ratio float64 // how much longer it takes metered, the median of all turns
	least float64 // the same, of the shortest turns
	calls int     // of a turn
}

// compare measures work both ways; the functions tell how long one of n calls
// takes. The two take turns, so that whatever else the machine does slows
// both, and each comes first as often.
func compare(plain, metered func(n int) time.Duration) comparison {
	const turns = 150
	calls := 1 + int(2*time.Millisecond/plain(3))
	var times, ratios []float64
	least := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	for turn := range turns {
		var took [2]time.Duration
		for i := range 2 {
			which := (turn + i) % 2
			took[which] = [2]func(int) time.Duration{plain, metered}[which](calls)
			least[which] = min(least[which], took[which])
		}
		times = append(times, float64(took[0]))
		ratios = append(ratios, float64(took[1])/float64(took[0]))
	}
	return comparison{median(times), median(ratios), float64(least[1]) / float64(least[0]), calls}
}

// The guests do the same work in both languages, but for JSON, which is
// formatted differently, and all of it however they are run.
func TestCostGuests(t *testing.T) {
	t.Parallel()
	goGuest, cGuest := buildGo(t, "testdata/cost/go"), buildC(t, "testdata/cost/c/guest.c")
	for _, v := range []variant{unmetered, metered} {
		g, c := newCostGuest(t, goGuest, v), newCostGuest(t, cGuest, v)
		for _, work := range workloads {
			if inGo, inC := g.work(t, work).call(), c.work(t, work).call(); inGo != inC && work != "json_encode" {
				t.Errorf("%s answers %#x in Go and %#x in C", work, inGo, inC)
			}
		}
	}
}

// costGuest is an instance of one of the guests.
type costGuest struct {
	module api.Module
	ctx    context.Context
}

// newCostGuest instantiates a guest, ready to work, until the test ends.
func newCostGuest(tb testing.TB, wasm []byte, v variant) *costGuest {
	tb.Helper()
	// A limit is only looked at where the context may end.
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	config := wazero.NewRuntimeConfigCompiler().WithCloseOnContextDone(v == closedOnDone)
	r := wazero.NewRuntimeWithConfig(ctx, config)
	tb.Cleanup(func() { r.Close(ctx); cancel() })
	m, err := instantiate(ctx, r, wasm, v, "guest")
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := m.ExportedFunction("_initialize").Call(ctx); err != nil {
		tb.Fatal(err)
	}
	return &costGuest{m, ctx}
}

// work is one kind of work that a guest does.
func (g *costGuest) work(tb testing.TB, name string) *work {
	tb.Helper()
	f := g.module.ExportedFunction(name)
	if f == nil {
		tb.Fatalf("the guest does not export %s", name)
	}
	return &work{tb, g.ctx, f}
}

type work struct {
	tb  testing.TB
	ctx context.Context
	f   api.Function
}

func (w *work) call() uint32 {
	var stack [1]uint64
	if err := w.f.CallWithStack(w.ctx, stack[:]); err != nil {
		w.tb.Fatal(err)
	}
	return uint32(stack[0])
}

// time is how long one of n calls takes.
func (w *work) time(n int) time.Duration {
	start := time.Now()
	for range n {
		w.call()
	}
	return time.Since(start) / time.Duration(n)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func geometricMean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

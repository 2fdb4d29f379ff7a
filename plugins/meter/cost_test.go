//go:build !race

package meter_test

import (
	"bytes"
	"context"
	"encoding/binary"
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

// layouts are how many ways a guest's code is laid out in memory. Where a small
// loop happens to lie changes its speed by a quarter, metered or not.
const layouts = 8

// turns are how often each way is measured in each layout. The limit of wazero is slow, and no
// more than a comparison.
const (
	turns      = 30
	limitTurns = 15
)

// BenchmarkMetering prints what metering costs guests in stock Go and C, and
// fails where that is too much: the median over the layouts, with the least and
// the most. Beside it stands what wazero's own time limit costs
// (WithCloseOnContextDone).
func BenchmarkMetering(b *testing.B) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "guest\twork\tplain, µs\tmetered\tleast\tmost\twazero's own limit\t")
	var ratios, limited []float64
	for _, guest := range []struct {
		name string
		wasm []byte
	}{
		{"Go", buildGo(b, "testdata/cost/go")},
		{"C", buildC(b, "testdata/cost/c/guest.c")},
	} {
		plain, limit := newCostGuest(b, guest.wasm, unmetered), newCostGuest(b, guest.wasm, closedOnDone)
		limits := make(map[string]float64)
		for _, name := range workloads {
			limits[name] = compare(limitTurns, plain.work(b, name).time, limit.work(b, name).time).ratio
			limited = append(limited, limits[name])
		}
		costs := make(map[string][]comparison)
		for layout := range layouts {
			laidOut := layOut(guest.wasm, layout)
			plain, metered := newCostGuest(b, laidOut, unmetered), newCostGuest(b, laidOut, metered)
			for _, name := range workloads {
				p, m := plain.work(b, name), metered.work(b, name)
				if p.call() != m.call() {
					b.Fatalf("%s in %s answers differently when metered", name, guest.name)
				}
				costs[name] = append(costs[name], compare(turns, p.time, m.time))
			}
		}
		for _, name := range workloads {
			var times, metered []float64
			for _, c := range costs[name] {
				times, metered = append(times, c.plain), append(metered, c.ratio)
			}
			ratios = append(ratios, median(metered))
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t\n", guest.name, name, median(times)/1e3,
				median(metered), slices.Min(metered), slices.Max(metered), limits[name])
		}
	}
	mean, worst := geometricMean(ratios), slices.Max(ratios)
	fmt.Fprintf(w, "\tgeometric mean\t\t%.3f\t\t\t%.1f\t\n", mean, geometricMean(limited))
	fmt.Fprintf(w, "\tworst\t\t%.2f\t\t\t%.1f\t\n", worst, slices.Max(limited))
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

// layOut moves all code of a module: it makes the first function longer by
// loads, which the compiler has to keep since they might fail.
func layOut(wasm []byte, layout int) []byte {
	const code = 10
	load := []byte{0x41, 0, 0x28, 2, 0, 0x1a} // i32.const 0, i32.load, drop
	for at := 8; at < len(wasm); {
		section := at
		at++
		size := uvarint(wasm, &at)
		end := at + size
		if wasm[section] != code {
			at = end
			continue
		}
		count := uvarint(wasm, &at)
		length := uvarint(wasm, &at)
		body := wasm[at : at+length]
		locals := 0
		for range uvarint(body, &locals) {
			uvarint(body, &locals)
			locals++
		}
		longer := slices.Concat(body[:locals], bytes.Repeat(load, layout), body[locals:])
		content := slices.Concat(varint(count), varint(len(longer)), longer, wasm[at+length:end])
		return slices.Concat(wasm[:section+1], varint(len(content)), content, wasm[end:])
	}
	return wasm
}

func uvarint(b []byte, at *int) int {
	x, n := binary.Uvarint(b[*at:])
	*at += n
	return int(x)
}

func varint(x int) []byte { return binary.AppendUvarint(nil, uint64(x)) }

// comparison is what a change costs some work.
type comparison struct {
	plain float64 // how long a call takes without, in nanoseconds, the median
	ratio float64 // how much longer it takes with it, the median of all turns
}

// compare measures work both ways; the functions tell how long one of n calls
// takes. The two take turns, so that whatever else the machine does slows
// both, and each comes first as often.
func compare(turns int, plain, changed func(n int) time.Duration) comparison {
	calls := 1 + int(2*time.Millisecond/plain(3))
	var times, ratios []float64
	for turn := range turns {
		var took [2]time.Duration
		for i := range 2 {
			which := (turn + i) % 2
			took[which] = [2]func(int) time.Duration{plain, changed}[which](calls)
		}
		times = append(times, float64(took[0]))
		ratios = append(ratios, float64(took[1])/float64(took[0]))
	}
	return comparison{median(times), median(ratios)}
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

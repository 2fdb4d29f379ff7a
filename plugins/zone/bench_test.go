package zone_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/maypok86/otter/v2"

	"phasm/plugins/zone"
)

// store is what the table compares. Values have 32 bytes.
type store interface {
	get(key []byte) bool
	set(key []byte)
	incr(key []byte)
}

var value = []byte("a value that has some 32 bytes .")

type memoryStore struct {
	z   *zone.Memory
	ttl time.Duration
}

func (m memoryStore) get(key []byte) bool {
	var dst [64]byte
	_, err := m.z.Get(context.Background(), dst[:0], key)
	return err == nil
}
func (m memoryStore) set(key []byte) {
	m.z.Set(context.Background(), zone.Set, key, zone.TextOf(value), m.ttl)
}
func (m memoryStore) incr(key []byte) {
	m.z.Incr(context.Background(), key, zone.IntOf(1), zone.IntOf(0), m.ttl)
}

// mapStore is a map and a lock: no TTL, no bound.
type mapStore struct {
	mu      sync.Mutex
	values  map[string][]byte
	numbers map[string]int64
}

func (m *mapStore) get(key []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	var dst [64]byte
	copy(dst[:], m.values[string(key)])
	return dst[0] != 0
}
func (m *mapStore) set(key []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[string(key)] = append([]byte(nil), value...)
}
func (m *mapStore) incr(key []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.numbers[string(key)]++
}

// otterStore is a cache of Go values: increments are its Compute.
type otterStore struct {
	values  *otter.Cache[string, []byte]
	numbers *otter.Cache[string, int64]
}

func newOtter(ttl time.Duration, entries int) otterStore {
	v := otter.Options[string, []byte]{MaximumSize: entries}
	n := otter.Options[string, int64]{MaximumSize: entries}
	if ttl > 0 {
		v.ExpiryCalculator = otter.ExpiryWriting[string, []byte](ttl)
		n.ExpiryCalculator = otter.ExpiryWriting[string, int64](ttl)
	}
	return otterStore{otter.Must(&v), otter.Must(&n)}
}

func (o otterStore) get(key []byte) bool {
	v, ok := o.values.GetIfPresent(string(key))
	var dst [64]byte
	copy(dst[:], v)
	return ok
}
func (o otterStore) set(key []byte) { o.values.Set(string(key), append([]byte(nil), value...)) }
func (o otterStore) incr(key []byte) {
	o.numbers.Compute(string(key), func(old int64, found bool) (int64, otter.ComputeOp) { return old + 1, otter.WriteOp })
}

var stores = []struct {
	name string
	make func(entries int) store
}{
	{"zone", func(n int) store { return memoryStore{zone.New(int64(n)*300 + 1<<20), 0} }},
	{"zone with TTL", func(n int) store { return memoryStore{zone.New(int64(n)*300 + 1<<20), time.Hour} }},
	{"map and mutex", func(int) store { return &mapStore{values: map[string][]byte{}, numbers: map[string]int64{}} }},
	{"otter", func(n int) store { return newOtter(0, n) }},
	{"otter with TTL", func(n int) store { return newOtter(time.Hour, n) }},
}

func keyOf(b []byte, n uint64) []byte { return strconv.AppendUint(append(b[:0], "client "...), n, 10) }

// Bars of the benchmarks.
const (
	maxHot   = 60  // nanoseconds for what is done to one key from one goroutine
	minScale = 1.3 // how much more all cores do together than one, where keys differ
	maxPause = time.Millisecond
)

// BenchmarkZone prints a table: each operation on one key and on many, from
// one goroutine and from all cores at once, in nanoseconds. It fails where a
// zone's get or incr does not get faster by cores that use different keys.
func BenchmarkZone(b *testing.B) {
	const many = 100_000
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "ns\t")
	for _, s := range stores {
		fmt.Fprintf(w, "%s\tall cores\t", s.name)
	}
	for _, op := range []string{"get", "set", "incr"} {
		for _, keys := range []uint64{1, many} {
			fmt.Fprintf(w, "\n%s, %d keys\t", op, keys)
			for _, s := range stores {
				var took [2]float64
				for i, parallel := range []bool{false, true} {
					name := fmt.Sprintf("%s/keys=%d/%s", op, keys, s.name)
					if parallel {
						name += "/parallel"
					}
					b.Run(name, func(b *testing.B) {
						took[i] = benchmarkStore(b, s.make(2*many), op, keys, parallel)
					})
					fmt.Fprintf(w, "%.0f\t", took[i])
				}
				if s.name == "zone" && op != "set" && keys == many && runtime.GOMAXPROCS(0) > 1 && took[0] < minScale*took[1] {
					b.Errorf("%s takes %.0f ns from one goroutine and %.0f ns from all cores: less than %.1f times as many", op, took[0], took[1], minScale)
				}
			}
		}
	}
	fmt.Fprintln(w)
	w.Flush()
	fmt.Printf("\n%s", table.String())
}

// benchmarkStore does one thing to one key or to many, and answers how many
// nanoseconds each time has taken.
func benchmarkStore(b *testing.B, st store, op string, keys uint64, parallel bool) float64 {
	do := st.set
	var key [32]byte
	for n := range keys {
		st.set(keyOf(key[:], n))
		if op == "incr" {
			st.incr(keyOf(key[:], n))
		}
	}
	switch op {
	case "get":
		do = func(key []byte) {
			if !st.get(key) {
				b.Error("missing")
			}
		}
	case "incr":
		if m, ok := st.(memoryStore); ok {
			m.z.Flush(context.Background())
		}
		do = st.incr
	}
	b.ReportAllocs()
	b.ResetTimer()
	if !parallel {
		n := uint64(0)
		for b.Loop() {
			n = n*2862933555777941757 + 3037000493
			do(keyOf(key[:], n>>33%keys))
		}
	} else {
		var seed atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			var key [32]byte
			n := seed.Add(1)
			for pb.Next() {
				n = n*2862933555777941757 + 3037000493
				do(keyOf(key[:], n>>33%keys))
			}
		})
	}
	return perOp(b)
}

// BenchmarkHot is Get and Incr on one key, nothing else. It fails where they
// take longer than they may. Where the key expires, reading the machine's clock
// comes on top.
func BenchmarkHot(b *testing.B) {
	ctx, key := context.Background(), []byte("client 192.0.2.1")
	start, clock := time.Now(), 0.0
	b.Run("clock", func(b *testing.B) {
		for b.Loop() {
			time.Since(start)
		}
		clock = perOp(b)
	})
	for _, ttl := range []time.Duration{0, time.Hour} {
		z := zone.New(10 << 20)
		z.Set(ctx, zone.Set, key, zone.IntOf(1), ttl)
		bar := float64(maxHot)
		if ttl > 0 {
			bar += clock
		}
		check := func(b *testing.B) {
			if took := perOp(b); took > bar {
				b.Errorf("it takes %.1f ns, at most %.1f", took, bar)
			}
		}
		b.Run(fmt.Sprintf("get/ttl=%v", ttl), func(b *testing.B) {
			var dst [64]byte
			for b.Loop() {
				z.Get(ctx, dst[:0], key)
			}
			check(b)
		})
		b.Run(fmt.Sprintf("incr/ttl=%v", ttl), func(b *testing.B) {
			for b.Loop() {
				z.Incr(ctx, key, zone.IntOf(1), zone.Value{}, 0)
			}
			check(b)
		})
	}
}

// perOp is how many nanoseconds each round has taken.
func perOp(b *testing.B) float64 { return float64(b.Elapsed().Nanoseconds()) / float64(b.N) }

// BenchmarkMillion fills a zone with a million keys, prints what each takes of
// the process's memory, and how long the longest operations took. It fails
// where among some thousand operations there is a pause in each round: what the
// machine does shows in some rounds, what the zone does at a size in all. How long
// a loop that only reads the clock is interrupted stands beside it.
func BenchmarkMillion(b *testing.B) {
	const million, some = 1_000_000, 10_000
	var least [2 * million / some]time.Duration // of the rounds' longest operations, by thousands
	for i := range least {
		least[i] = math.MaxInt64
	}
	for b.Loop() {
		b.StopTimer()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		z := zone.New(200 << 20)
		ctx := context.Background()
		took := make([]time.Duration, 0, 2*million)
		var key [32]byte
		var dst [64]byte
		b.StartTimer()
		for n := range uint64(million) {
			k := keyOf(key[:], n)
			start := time.Now()
			z.Set(ctx, zone.Set, k, zone.TextOf(value), time.Hour)
			took = append(took, time.Since(start))
		}
		for n := range uint64(million) {
			k := keyOf(key[:], n)
			start := time.Now()
			if _, err := z.Get(ctx, dst[:0], k); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		b.StopTimer()
		for i, part := range slices.Collect(slices.Chunk(took, some)) {
			least[i] = min(least[i], slices.Max(part))
		}
		b.ReportMetric(float64(interruption(time.Second).Nanoseconds())/1000, "machine-max-µs")
		sets, gets := took[:million:million], took[million:]
		for _, half := range []struct {
			name string
			took []time.Duration
		}{{"set", sets}, {"get", gets}} {
			slices.Sort(half.took)
			b.ReportMetric(float64(half.took[million/2].Nanoseconds()), half.name+"-median-ns")
			b.ReportMetric(float64(half.took[million/1000*999].Nanoseconds()), half.name+"-p99.9-ns")
			b.ReportMetric(float64(half.took[million-1].Nanoseconds())/1000, half.name+"-max-µs")
		}
		took, sets, gets = nil, nil, nil
		start := time.Now()
		runtime.GC()
		b.ReportMetric(float64(time.Since(start).Microseconds()), "GC-µs")
		runtime.ReadMemStats(&after)
		f := z.Figures()
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/million, "B/entry")
		b.ReportMetric(float64(f.Used)/million, "counted-B/entry")
		b.StartTimer()
	}
	longest := slices.Max(least[:])
	b.ReportMetric(float64(longest.Nanoseconds())/1000, "max-in-all-rounds-µs")
	if longest > maxPause {
		b.Errorf("an operation has taken %v in each of %d rounds, %v at most", longest, b.N, maxPause)
	}
}

// interruption is how long the longest is in a time in which nothing is done.
func interruption(during time.Duration) (longest time.Duration) {
	begin := time.Now()
	for last := begin; last.Sub(begin) < during; {
		now := time.Now()
		longest = max(longest, now.Sub(last))
		last = now
	}
	return longest
}

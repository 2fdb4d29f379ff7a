package host_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// These tests go through the table: a function added to it is tested like the
// others. What is expected of each call is in checked.

const most = math.MaxUint32

// Pointers and lengths that reach outside of the memory answer bad argument
// and touch nothing; others answer as they may. It is the same for every
// function, in every phase that it has, for one argument and for all.
func TestHostileMemory(t *testing.T) {
	g := newGuest(t)
	size := uint64(g.memory.Size())
	inside := [][2]uint64{
		{0, 0}, {0, 1}, {0, size}, {1, size - 1}, {size - 1, 1}, {size, 0}, {size - 1, 0}, {size / 2, size / 2},
	}
	outside := [][2]uint64{
		{0, size + 1}, {1, size}, {size - 1, 2}, {size, 1}, {size + 1, 0}, {size + 1, 1},
		{0, most}, {1, most}, {64, most - 63}, {size - 1, most}, {most, 0}, {most, 1}, {most, most},
		{1 << 31, 1 << 31}, {1<<31 - 1, 2}, {most - 15, 16}, {0, 1 << 31}, {1 << 31, 0},
	}
	for _, f := range host.Functions() {
		t.Run(f.Name, func(t *testing.T) {
			g.t = t
			for _, phase := range phasesOf(&f) {
				for n, pair := range slices.Concat(inside, outside) {
					try := func(bad []slot) {
						g.begin(phase)
						args := g.goodArguments(&f)
						for _, s := range bad {
							args[s.at], args[s.at+1] = pair[0], pair[1]
						}
						result := g.checked(&f, args)
						if n >= len(inside) && len(bad) > 0 && result != badArgument {
							t.Errorf("%s%v in %s answers %d, want %d", f.Name, args, phase, result, badArgument)
						}
					}
					for _, s := range pairs(&f) {
						try([]slot{s})
					}
					try(pairs(&f))
				}
			}
		})
	}
}

// Texts, lists and buffers as large as the memory, of whatever bytes.
func TestHugeArguments(t *testing.T) {
	g := newGuest(t)
	g.memory.Grow(1 << 20 / 65536) // more than the host holds back of a response
	size := g.memory.Size()
	for _, filling := range []string{"\x00", "x", "/", "\xff", "\x01\x00\x00\x00x"} {
		full := bytes.Repeat([]byte(filling), int(size)/len(filling)+1)[:size]
		for _, f := range host.Functions() {
			phases := phasesOf(&f)
			for _, phase := range []abi.Phase{phases[0], phases[len(phases)-1]} {
				for _, s := range pairs(&f) {
					g.begin(phase)
					g.memory.Write(0, full)
					args := g.goodArguments(&f)
					args[s.at], args[s.at+1] = 0, uint64(size)
					g.checked(&f, args)
				}
			}
		}
	}
}

// Lists that are no lists answer bad argument; what is one may have any length.
func TestHostileLists(t *testing.T) {
	g := newGuest(t)
	g.memory.Grow(4)
	length := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	malformed := [][]byte{
		{0}, {0, 0, 0}, length(1), length(most), length(1 << 31), append(length(2), 'x'),
		append(list("x"), 0), append(list("x", "y"), length(1)...), append(bytes.Repeat(length(0), 1000), length(1)...),
	}
	lists := [][]byte{
		nil, length(0), list("x", "y"), list(slices.Repeat([]string{"x"}, 100)...), bytes.Repeat(length(0), 64<<10),
	}
	tried := 0
	for _, f := range host.Functions() {
		for _, s := range pairs(&f) {
			if s.kind != host.List {
				continue
			}
			tried++
			for n, list := range slices.Concat(malformed, lists) {
				g.begin(phasesOf(&f)[0])
				args := g.goodArguments(&f)
				args[s.at], args[s.at+1] = uint64(g.memory.Size())-uint64(len(list)), uint64(len(list))
				g.memory.Write(uint32(args[s.at]), list)
				if result := g.checked(&f, args); n < len(malformed) && result != badArgument {
					t.Errorf("%s with the list %.20q answers %d, want %d", f.Name, list, result, badArgument)
				}
			}
		}
	}
	if tried == 0 {
		t.Error("no function takes a list")
	}
}

// numbers are what a guest may give for a number of that kind.
func numbers(kind host.Kind) []uint64 {
	all := []uint64{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<32 - 1}
	switch kind {
	case host.Text, host.List, host.Buffer:
		return nil
	case host.Int64:
		all = append(all, 1<<63-1, 1<<63, 1<<64-1)
	case host.Float:
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, math.MaxFloat64, math.SmallestNonzeroFloat64} {
			all = append(all, math.Float64bits(v))
		}
	}
	return all
}

// On a false clock, where time passes only for who waits: whatever its numbers
// are and however slow the client is, no function outlasts the call, and all
// the time that it takes counts as waiting.
func TestHostileNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		for _, f := range host.Functions() {
			for _, phase := range phasesOf(&f) {
				try := func(change func(args []uint64)) {
					g.begin(phase)
					if x := g.call.Exchange; x != nil {
						x.Wire.(*wire).slow = time.Hour
					}
					args := g.goodArguments(&f)
					change(args)
					start := time.Now()
					g.call.Until, g.call.Blocked = start.Add(time.Second), 0
					g.checked(&f, args)
					took := time.Since(start)
					if took > time.Second || took != g.call.Blocked {
						t.Errorf("%s%v in %s takes %v, of which it waits %v", f.Name, args, phase, took, g.call.Blocked)
					}
				}
				try(func([]uint64) {})
				for _, s := range slots(&f) {
					for _, n := range numbers(s.kind) {
						try(func(args []uint64) { args[s.at] = n })
					}
				}
			}
		}
	})
}

// A buffer that lies over the text that says what to put there must not
// change the answer.
func TestOverlappingArguments(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		for _, text := range pairs(&f) {
			for _, buf := range pairs(&f) {
				if text.kind == host.Buffer || buf.kind != host.Buffer {
					continue
				}
				for _, offset := range []uint64{0, 1, 2} {
					phase := phasesOf(&f)[0]
					g.begin(phase)
					args := g.goodArguments(&f)
					want := g.checked(&f, args)
					content, _ := g.memory.Read(uint32(args[buf.at]), uint32(max(0, want)))
					wantContent := string(content)

					g.begin(phase)
					args = g.goodArguments(&f)
					args[buf.at] = args[text.at] + offset
					got := g.checked(&f, args)
					content, _ = g.memory.Read(uint32(args[buf.at]), uint32(max(0, got)))
					if got != want || string(content) != wantContent || want <= 0 {
						t.Errorf("%s with its buffer %d bytes into its text answers %d, %q, want %d, %q",
							f.Name, offset, got, content, want, wantContent)
					}
				}
			}
		}
	}
}

// Texts and lists that are one and the same place are like others: each
// function answers what it answers where they only say the same.
func TestAliasedArguments(t *testing.T) {
	g := newGuest(t)
	tried := 0
	for _, f := range host.Functions() {
		read := slices.DeleteFunc(pairs(&f), func(s slot) bool { return s.kind == host.Buffer })
		if len(read) < 2 {
			continue
		}
		tried++
		for _, text := range []string{"x-a", "x_a_total", "", string(list("x")), "\x00\x00\x00\x00\x00\x00\x00\x00"} {
			for _, phase := range phasesOf(&f) {
				answer := func(place func(n int) uint64) int64 {
					g.begin(phase)
					args := g.goodArguments(&f)
					for n, s := range read {
						args[s.at], args[s.at+1] = place(n), uint64(len(text))
						g.memory.WriteString(uint32(place(n)), text)
					}
					return g.checked(&f, args)
				}
				apart := answer(func(n int) uint64 { return uint64(1024 * (n + 1)) })
				if same := answer(func(int) uint64 { return 1024 }); same != apart {
					t.Errorf("%s with %q in one place answers %d, in several %d", f.Name, text, same, apart)
				}
			}
		}
	}
	if tried < 5 {
		t.Errorf("only %d functions take several texts", tried)
	}
}

// In a phase that a function has not, it answers that, logs it, and does
// nothing: not even look at its arguments, good or bad.
func TestWrongPhase(t *testing.T) {
	g := newGuest(t)
	tried := 0
	for _, f := range host.Functions() {
		params, _ := f.Signature()
		for phase := range abi.NumPhases {
			if f.Phases.Has(phase) {
				continue
			}
			for _, args := range [][]uint64{g.goodArguments(&f), slices.Repeat([]uint64{most}, len(params))} {
				tried++
				g.begin(phase)
				if got := g.checked(&f, args); got != wrongPhase {
					t.Errorf("%s in %s answers %d, want %d", f.Name, phase, got, wrongPhase)
				}
				want := map[string]any{"level": "ERROR", "plugin": "p", "function": f.Name, "msg": "API disabled in the context of " + phase.String()}
				if lines := g.lines(); len(lines) != 1 || fmt.Sprint(lines[0]) != fmt.Sprint(want) {
					t.Errorf("%s in %s logs %v, want %v", f.Name, phase, lines, want)
				}
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d calls in phases that do not fit", tried)
	}
}

package host_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// goodText is what a function gets as a text where the test is not about it:
// for most something that the example exchange has.
func goodText(f *host.Function) string {
	if f.Name == "variable_get" {
		return "http_x_a"
	}
	return "x-a"
}

// A slot is where a parameter stands among a function's numbers.
type slot struct {
	kind host.Kind
	at   int
}

func slots(f *host.Function) []slot {
	var all []slot
	at := 0
	for _, p := range f.Params {
		all = append(all, slot{p.Kind, at})
		at++
		if isPair(p.Kind) {
			at++
		}
	}
	return all
}

func isPair(k host.Kind) bool { return k == host.Text || k == host.List || k == host.Buffer }

// goodArguments are arguments that a function takes, each in a place of its
// own in the guest's memory.
func (g *guest) goodArguments(f *host.Function) []uint64 {
	var args []uint64
	for n, p := range f.Params {
		place := uint64(1024 * (n + 1))
		switch p.Kind {
		case host.Text:
			g.memory.WriteString(uint32(place), goodText(f))
			args = append(args, place, uint64(len(goodText(f))))
		case host.List:
			args = append(args, place, 0)
		case host.Buffer:
			args = append(args, place, 512)
		default:
			args = append(args, 0)
		}
	}
	return args
}

// begin puts the guest into a phase of a fresh exchange, or of none in the
// phases that see none.
func (g *guest) begin(phase abi.Phase) {
	g.call.Phase, g.call.Exchange, g.call.BodyRead = phase, nil, 0
	if abi.RequestPhases.Has(phase) {
		g.call.Exchange, _ = exchange()
		g.ask("ctx_set", "x-a", "of the context")
	}
	g.log.Reset()
}

// phasesOf are the phases in which a function may be called.
func phasesOf(f *host.Function) []abi.Phase {
	var phases []abi.Phase
	for phase := range abi.NumPhases {
		if f.Phases.Has(phase) {
			phases = append(phases, phase)
		}
	}
	return phases
}

// checked calls a function and checks what holds for every call: no trap, a
// result that the function's kind allows, and no byte of the guest's memory
// changed outside of what the result says was written to the buffer.
func (g *guest) checked(f *host.Function, args []uint64) int64 {
	g.t.Helper()
	size := g.memory.Size()
	view, _ := g.memory.Read(0, size)
	before := slices.Clone(view)
	result := g.raw(f.Name, args...)
	after, _ := g.memory.Read(0, size)

	begin, end := 0, 0
	for _, s := range slots(f) {
		if s.kind == host.Buffer && result > 0 {
			ptr, capacity := int64(uint32(args[s.at])), int64(uint32(args[s.at+1]))
			if result <= capacity {
				begin, end = int(ptr), int(ptr+result)
			} else if f.Result == host.Count {
				g.t.Errorf("%s%v answers %d bytes in a buffer of %d", f.Name, args, result, capacity)
			}
		}
	}
	if !bytes.Equal(before[:begin], after[:begin]) || !bytes.Equal(before[end:], after[end:]) {
		g.t.Errorf("%s%v answers %d and changes memory outside of [%d, %d)", f.Name, args, result, begin, end)
	}
	valid := result >= 0 && (f.Result != host.Status || result == 0)
	if f.Result == host.Nanoseconds {
		valid = true
	}
	if !valid && abi.Errno(result).Error() == "unknown error" {
		g.t.Errorf("%s%v answers %d, which is no result and no error", f.Name, args, result)
	}
	return result
}

func TestGoodArguments(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		for _, phase := range phasesOf(&f) {
			g.begin(phase)
			if result := g.checked(&f, g.goodArguments(&f)); abi.Errno(result) == abi.WrongPhase {
				t.Errorf("%s answers %d in %s", f.Name, result, phase)
			}
		}
	}
}

// Pointers and lengths that reach outside of the memory answer bad argument
// and touch nothing; others answer as they may. It is the same for every
// function, in every phase that it has.
func TestHostileMemory(t *testing.T) {
	g := newGuest(t)
	size := uint64(g.memory.Size())
	const most = math.MaxUint32
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
				for _, s := range slots(&f) {
					if !isPair(s.kind) {
						continue
					}
					for n, pair := range slices.Concat(inside, outside) {
						g.begin(phase)
						args := g.goodArguments(&f)
						args[s.at], args[s.at+1] = pair[0], pair[1]
						result := g.checked(&f, args)
						if n >= len(inside) && abi.Errno(result) != abi.BadArgument {
							t.Errorf("%s%v in %s answers %d, want %d", f.Name, args, phase, result, badArgument)
						}
					}
				}
			}
		})
	}
}

func TestHostileNumbers(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		if f.Name == "sleep" {
			continue // it may sleep that long: see TestSleep
		}
		for _, s := range slots(&f) {
			numbers := []uint64{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<32 - 1}
			switch s.kind {
			case host.Text, host.List, host.Buffer:
				continue
			case host.Int64:
				numbers = append(numbers, 1<<63-1, 1<<63, 1<<64-1)
			case host.Float:
				for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, math.MaxFloat64, math.SmallestNonzeroFloat64} {
					numbers = append(numbers, math.Float64bits(v))
				}
			}
			for _, phase := range phasesOf(&f) {
				for _, number := range numbers {
					g.begin(phase)
					args := g.goodArguments(&f)
					args[s.at] = number
					g.checked(&f, args)
				}
			}
		}
	}
}

// A buffer that lies over the text that says what to put there must not
// change the answer.
func TestOverlappingArguments(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		all := slots(&f)
		for _, text := range all {
			for _, buf := range all {
				if text.kind == host.Buffer || !isPair(text.kind) || buf.kind != host.Buffer {
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
					got := g.raw(f.Name, args...)
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

// Texts that are one and the same place are texts like others.
func TestAliasedTexts(t *testing.T) {
	g := newGuest(t)
	g.call.Phase = abi.Access
	g.memory.WriteString(64, "alias")
	for _, name := range []string{"request_header_set", "request_header_add", "response_header_set", "ctx_set"} {
		if got := g.raw(name, 64, 5, 64, 5); got != done {
			t.Errorf("%s answers %d", name, got)
		}
	}
	g.wantText("alias", "request_header_get", "alias")
	g.wantText("alias", "response_header_get", "alias")
	g.wantText("alias", "ctx_get", "alias")
}

// In a phase that a function has not, it answers that, logs it, and does
// nothing: not even look at its arguments.
func TestWrongPhase(t *testing.T) {
	g := newGuest(t)
	tried := 0
	for _, f := range host.Functions() {
		for phase := range abi.NumPhases {
			if f.Phases.Has(phase) {
				continue
			}
			tried++
			g.call.Phase, g.call.Exchange = phase, nil
			params, _ := f.Signature()
			args := slices.Repeat([]uint64{math.MaxUint32}, len(params))
			if got := g.checked(&f, args); got != wrongPhase {
				t.Errorf("%s in %s answers %d, want %d", f.Name, phase, got, wrongPhase)
			}
			want := map[string]any{"level": "ERROR", "plugin": "p", "function": f.Name, "msg": "API disabled in the context of " + phase.String()}
			if lines := g.lines(); len(lines) != 1 || fmt.Sprint(lines[0]) != fmt.Sprint(want) {
				t.Errorf("%s in %s logs %v, want %v", f.Name, phase, lines, want)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d functions and phases do not fit", tried)
	}
}

package host_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/sdk/abi"
)

// goodText is what a function takes for a text: for most something that the
// example exchange has.
func goodText(f *host.Function, parameter string) string {
	switch {
	case strings.HasPrefix(f.Name, "zone_"):
		return goodZoneText(f, parameter)
	case f.Name == "variable_get":
		return "http_x_a"
	case f.Name == "metric_define" && parameter == "name":
		return "x_a_total"
	case parameter == "url":
		return "http://x-a/"
	case parameter == "uri":
		return "/x-a"
	case parameter == "buckets" || parameter == "flags":
		return ""
	case f.Name == "upstream_add" && parameter == "address":
		return "127.0.0.1:80"
	case f.Name == "base64_decode":
		return "eC1h"
	case parameter == "algorithm":
		return "sha256"
	}
	return "x-a"
}

// goodList is what a function takes for a list.
func goodList(f *host.Function) []byte {
	switch command := list("GET", "x-a"); f.Name {
	case "redis_do":
		return command
	case "redis_pipeline":
		return list(string(command), string(command))
	case "regex_set_compile":
		return list("x-a")
	}
	return nil
}

// goodNumber is what a function takes for a number.
func goodNumber(f *host.Function, parameter string) uint64 {
	switch {
	case parameter == "status":
		return 302
	case parameter == "weight":
		return 3
	case parameter == "version":
		return 7
	case parameter == "max":
		return 10
	case f.Name == "metric_set":
		return 1 // the gauge's series, see begin
	case f.Name == "metric_observe":
		return 2
	}
	return 0
}

// goodArguments are arguments with which a function does what it is for, each
// in a place of its own in the guest's memory.
func (g *guest) goodArguments(f *host.Function) []uint64 {
	var args []uint64
	for n, p := range f.Params {
		place := uint64(1024 * (n + 1))
		switch p.Kind {
		case host.Text:
			text := goodText(f, p.Name)
			g.memory.WriteString(uint32(place), text)
			args = append(args, place, uint64(len(text)))
		case host.List:
			items := goodList(f)
			g.memory.Write(uint32(place), items)
			args = append(args, place, uint64(len(items)))
		case host.Buffer:
			args = append(args, place, 512)
		case host.Float:
			args = append(args, 0)
		default:
			args = append(args, goodNumber(f, p.Name))
		}
	}
	return args
}

// begin puts the guest into a phase of a fresh exchange, or of none in the
// phases that see none, with everything there that the functions work on.
func (g *guest) begin(phase abi.Phase) {
	g.call.Phase, g.call.BodyRead = phase, 0
	if g.measured != g.call.Plugin {
		g.measured = g.call.Plugin
		for kind, name := range []string{"x_a_total", "x_a_now", "x_a_seconds"} {
			id, _ := g.ask("metric_define", kind, name, "x-a", []string{}, []float64{})
			g.ask("metric_series", int(id), []string{})
		}
		g.ask("regex_compile", "x-a", "")
		g.ask("regex_set_compile", []string{"x-a"})
	}
	if g.call.Exchange != nil {
		g.call.Exchange.Release()
		g.call.Exchange = nil
	}
	g.fillZones()
	g.call.End()
	g.sender.requests, g.sender.started = nil, nil
	if !g.bare {
		g.ask("http_request", "GET", "http://x-a/", []string{}, []string{"stream", "1"}, "")
	}
	if abi.RequestPhases.Has(phase) {
		g.call.Exchange, _ = exchange()
		g.ask("ctx_set", "x-a", "of the context")
		if abi.BodyPhases.Has(phase) {
			g.ask("subrequest_start", "GET", "/", []string{}, "")
		}
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

// pairs are the slots of a pointer and a length or capacity.
func pairs(f *host.Function) []slot {
	return slices.DeleteFunc(slots(f), func(s slot) bool { return !isPair(s.kind) })
}

func isPair(k host.Kind) bool { return k == host.Text || k == host.List || k == host.Buffer }

// checked calls a function and checks what holds for every call, whatever its
// arguments: no trap, the answer that the ABI promises where they reach outside
// of the memory, a result that the function's kind allows, no effect where it
// answers that it was called wrongly, and no byte of the guest's memory changed
// but the answer in its buffer.
func (g *guest) checked(f *host.Function, args []uint64) int64 {
	g.t.Helper()
	size := g.memory.Size()
	view, _ := g.memory.Read(0, size)
	g.before = append(g.before[:0], view...)
	exchange := g.exchangeText()
	result := g.raw(f.Name, args...)
	after, _ := g.memory.Read(0, size)

	begin, end := uint64(0), uint64(0)
	for _, s := range pairs(f) {
		ptr, length := uint64(uint32(args[s.at])), uint64(uint32(args[s.at+1]))
		outside := ptr+length > uint64(size)
		switch {
		case !f.Phases.Has(g.call.Phase):
		case outside && s.kind != host.Buffer && result != badArgument:
			g.t.Errorf("%s%v answers %d, want %d: an argument lies outside of the memory", f.Name, args, result, badArgument)
		case outside && result >= 0:
			g.t.Errorf("%s%v answers %d: its buffer lies outside of the memory", f.Name, args, result)
		case s.kind == host.Buffer && result > 0 && uint64(result) <= length:
			begin, end = ptr, ptr+uint64(result)
		case s.kind == host.Buffer && result > 0 && f.Result == host.Count:
			g.t.Errorf("%s%v answers %d bytes in a buffer of %d", f.Name, args, result, length)
		}
	}
	if !bytes.Equal(g.before[:begin], after[:begin]) || !bytes.Equal(g.before[end:], after[end:]) {
		g.t.Errorf("%s%v answers %d and changes memory outside of [%d, %d)", f.Name, args, result, begin, end)
	}
	valid := result >= 0 && (f.Result != host.Status || result == 0)
	if f.Result == host.Nanoseconds {
		valid = true
	}
	if !valid && abi.Errno(result).Error() == "unknown error" {
		g.t.Errorf("%s%v answers %d, which is no result and no error", f.Name, args, result)
	}
	if result == badArgument || result == wrongPhase {
		if after := g.exchangeText(); after != exchange {
			g.t.Errorf("%s%v answers %d and changes the exchange from\n%s\nto\n%s", f.Name, args, result, exchange, after)
		}
	}
	if x := g.call.Exchange; x != nil {
		checkHead(g.t, x.Request.Header.String())
		checkHead(g.t, x.Response.Header.String())
	}
	return result
}

// exchangeText is what a function could change of the exchange.
func (g *guest) exchangeText() string {
	x := g.call.Exchange
	if x == nil {
		return ""
	}
	var headers []string
	for name, value := range x.Response.Header.All() { // without the date
		headers = append(headers, string(name), string(value))
	}
	return fmt.Sprint(&x.Request.Header, x.Response.StatusCode(), headers, x.Response.Body(),
		x.Wire, x.Chunk, x.EOF, x.Ended, x.Errors, x.Exec, g.call.BodyRead)
}

// checkHead checks that a head has no line that is not a header's.
func checkHead(t testing.TB, head string) {
	t.Helper()
	lines, found := strings.CutSuffix(head, "\r\n\r\n")
	if !found {
		t.Errorf("the head %q has no end", head)
	}
	for _, line := range strings.Split(lines, "\r\n")[1:] {
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t\r\n\x00") || strings.ContainsAny(value, "\r\n\x00") {
			t.Errorf("the head %q has the line %q", head, line)
		}
	}
}

// Every function does what it is for in every phase that it has: so what the
// tests of bad arguments change is all that is bad about them.
func TestGoodArguments(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		for _, phase := range phasesOf(&f) {
			g.begin(phase)
			if result := g.checked(&f, g.goodArguments(&f)); result < 0 {
				t.Errorf("%s in %s answers %d: it needs other arguments here", f.Name, phase, result)
			}
		}
	}
}

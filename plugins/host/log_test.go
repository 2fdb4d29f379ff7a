package host_test

import (
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/sdk/abi"
)

func TestLog(t *testing.T) {
	g := newGuest(t)
	id := string(g.call.Exchange.ID())
	for level, name := range []string{"DEBUG", "INFO", "WARN", "ERROR"} {
		g.want(done, "log", level, "line\nof \xff text")
		want := []map[string]any{{"level": name, "msg": "line\nof \uFFFD text", "plugin": "p", "phase": "content", "request_id": id}}
		if got := g.lines(); !reflect.DeepEqual(got, want) {
			t.Errorf("logged %v, want %v", got, want)
		}
	}
	g.call.Exchange, g.call.Phase = nil, abi.Init
	g.want(done, "log", 1, "")
	want := []map[string]any{{"level": "INFO", "msg": "", "plugin": "p", "phase": "init"}}
	if got := g.lines(); !reflect.DeepEqual(got, want) {
		t.Errorf("logged %v, want %v", got, want)
	}
	for _, level := range []int{-1, 4, 1 << 30, -1 << 31} {
		g.want(badArgument, "log", level, "line")
	}
	if got := g.lines(); len(got) > 0 {
		t.Errorf("logged %v", got)
	}
}

func TestLogCutsLongLines(t *testing.T) {
	g := newGuest(t)
	g.want(done, "log", 2, strings.Repeat("x", 10000))
	if lines := g.lines(); len(lines) != 1 || lines[0]["msg"] != strings.Repeat("x", 8<<10) {
		t.Errorf("logged %v", lines)
	}
}

// A line below the level must cost next to nothing.
func TestLogBelowTheLevel(t *testing.T) {
	g := newGuest(t)
	log := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}))
	g.call.Plugin = host.NewPlugin("p", nil, host.Grants{}, log, metric.NewRegistry())
	f := g.module.ExportedFunction("log")
	stack := make([]uint64, 3)
	if n := testing.AllocsPerRun(100, func() {
		stack[0], stack[1], stack[2] = uint64(abi.Debug), 64, 16
		f.CallWithStack(g.call, stack)
	}); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}

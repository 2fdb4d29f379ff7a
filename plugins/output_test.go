package plugins

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"testing"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

func TestOutputGoesToTheLog(t *testing.T) {
	m := wt.Plugin()
	write := importWrite(m)
	printable(m, 64, "one\ntw")
	printable(m, 128, "o\n\nthree")
	printable(m, 192, "from init")
	printable(m, 256, "bad \xff text\n")
	m.Phase("on_init", print(write, 1, 192), answers(0))
	m.Phase("on_rewrite", print(write, 1, 64), print(write, 2, 128), answers(0))
	m.Phase("on_content", print(write, 2, 256), answers(0))
	p, log := load(t, m)
	i := acquire(t, p)
	x := exchange(nil)
	i.Run(x, abi.Rewrite)
	i.Run(x, abi.Content)
	i.Run(nil, abi.Content)

	var got [][3]string
	for _, line := range log.all(t) {
		if line["msg"] == "plugin loaded" {
			continue
		}
		id, _ := line["request_id"].(string)
		if id != "" && id != string(x.ID()) || line["plugin"] != "p" || line["level"] != "WARN" {
			t.Errorf("logged %v", line)
		}
		got = append(got, [3]string{line["phase"].(string), line["msg"].(string), strings.Repeat("with id", min(1, len(id)))})
	}
	want := [][3]string{
		{"init", "from init", ""},
		{"rewrite", "one", "with id"}, {"rewrite", "two", "with id"}, {"rewrite", "three", "with id"},
		{"content", "bad \uFFFD text", "with id"}, {"content", "bad \uFFFD text", ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("logged\n%q\nwant\n%q", got, want)
	}
}

// A report of a panic goes on for as long as its language likes: the log has its
// beginning, whether the guest survives it or not, and all of what comes later.
func TestOutputCutsLongReports(t *testing.T) {
	const lines, more = 20, 3
	for name, end := range map[string][]byte{"survived": answers(0), "not survived": wt.Unreachable} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			m := wt.Plugin()
			write := importWrite(m)
			printable(m, 64, "fatal error: no more\n"+strings.Repeat("goroutine\n", lines-1))
			m.Phase("on_content", bytes.Repeat(print(write, 2, 64), more), end)
			printable(m, 1024, strings.Repeat("later\n", lines))
			m.Phase("on_log", bytes.Repeat(print(write, 2, 1024), more), answers(0))
			p, log := load(t, m)
			runOnce(t, p, abi.Content)
			runOnce(t, p, abi.Log)
			count := map[string]int{}
			for _, line := range log.all(t)[1:] {
				count[line["msg"].(string)]++
			}
			want := map[string]int{
				"fatal error: no more": 2, "goroutine": maxReport - 2, "later": more * lines,
				"(28 more lines of this report are not logged)": 1,
			}
			if !maps.Equal(count, want) {
				t.Errorf("logged %v, want %v", count, want)
			}
		})
	}
}

func TestOutputCutsLongLines(t *testing.T) {
	m := wt.Plugin()
	write := importWrite(m)
	printable(m, 64, strings.Repeat("x", 5000))
	printable(m, 8192, "\nnext\n")
	m.Export("on_content", m.FuncWithLocals("on_content", wt.Phase, "i32",
		wt.Times(10, 0, print(write, 1, 64)), print(write, 1, 8192), answers(0)))
	p, log := load(t, m)
	i := acquire(t, p)
	if _, err := i.Run(exchange(nil), abi.Content); err != nil {
		t.Fatal(err)
	}
	lines := log.all(t)[1:]
	if len(lines) != 2 || lines[0]["msg"] != strings.Repeat("x", maxLine) || lines[1]["msg"] != "next" {
		t.Errorf("logged %v", lines)
	}
	if cap(i.output.line) > 2*maxLine {
		t.Errorf("a buffer of %d bytes is kept", cap(i.output.line))
	}
}

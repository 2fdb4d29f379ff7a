package plugins

import (
	"strings"
	"testing"
	"time"

	wt "phasm/plugins/internal/wasmtest"
)

// WASI gives clocks, randomness and output, and nothing else: every other
// function must answer an error, or that there is nothing.
func TestSandbox(t *testing.T) {
	const badDescriptor = 8 // WASI's EBADF
	for _, test := range []struct {
		name, params string
		args         []uint64
		errno        uint64
	}{
		{"args_sizes_get", "i32 i32", []uint64{0, 4}, 0},
		{"environ_sizes_get", "i32 i32", []uint64{8, 12}, 0},
		{"fd_prestat_get", "i32 i32", []uint64{3, 64}, badDescriptor},
		{"path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", []uint64{3, 0, 64, 1, 0, 1 << 1, 0, 0, 64}, badDescriptor},
		{"path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", []uint64{0, 0, 64, 1, 0, 1 << 1, 0, 0, 64}, 54}, // not a directory
		{"path_create_directory", "i32 i32 i32", []uint64{3, 64, 1}, badDescriptor},
		{"path_unlink_file", "i32 i32 i32", []uint64{3, 64, 1}, badDescriptor},
		{"path_filestat_get", "i32 i32 i32 i32 i32", []uint64{3, 0, 64, 1, 128}, badDescriptor},
		{"fd_readdir", "i32 i32 i32 i64 i32", []uint64{3, 64, 64, 0, 128}, badDescriptor},
		{"fd_read", "i32 i32 i32 i32", []uint64{3, 64, 1, 128}, badDescriptor},
		{"fd_write", "i32 i32 i32 i32", []uint64{3, 64, 1, 128}, badDescriptor},
		{"sock_accept", "i32 i32 i32", []uint64{3, 0, 64}, badDescriptor},
		{"sock_send", "i32 i32 i32 i32 i32", []uint64{3, 64, 1, 0, 128}, badDescriptor},
		{"fd_read", "i32 i32 i32 i32", []uint64{0, 64, 0, 128}, 0}, // standard input is empty
		{"random_get", "i32 i32", []uint64{256, 16}, 0},
		{"clock_time_get", "i32 i64 i32", []uint64{0, 1, 512}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := wt.Plugin()
			m.Data(64, "a") // a path
			m.Data(0, strings.Repeat("\xff", 16))
			i, answer, err := callWASI(t, m, test.name, test.params, test.args)
			if err != nil || answer[0] != test.errno {
				t.Fatalf("answers %v, %v, want %d", answer, err, test.errno)
			}
			memory := i.module.Memory()
			switch test.name {
			case "args_sizes_get", "environ_sizes_get":
				if at(t, i, uint32(test.args[0])) != 0 || at(t, i, uint32(test.args[1])) != 0 {
					t.Error("there are arguments or an environment")
				}
			case "random_get":
				if b, _ := memory.Read(256, 16); string(b) == string(make([]byte, 16)) {
					t.Error("nothing random")
				}
			case "clock_time_get":
				now, _ := memory.ReadUint64Le(512)
				if d := time.Since(time.Unix(0, int64(now))); d < 0 || d > time.Hour {
					t.Errorf("the clock is %v off", d)
				}
			}
		})
	}
}

// callWASI has a guest, made of m, call a function of WASI.
func callWASI(t *testing.T, m *wt.Module, function, params string, args []uint64) (*Instance, []uint64, error) {
	t.Helper()
	f := m.Import(wasiModule, function, wt.Sig(params, "i32"))
	var body []byte
	for n := range strings.Fields(params) {
		body = append(body, wt.LocalGet(n)...)
	}
	m.Export("try", m.Func("try", wt.Sig(params, "i32"), body, wt.Call(f)))
	m.Phase("on_content", answers(0))
	p, _ := load(t, m)
	i := acquire(t, p)
	answer, err := i.module.ExportedFunction("try").Call(&i.call, args...)
	return i, answer, err
}

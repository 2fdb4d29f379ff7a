package plugins

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

func answers(n int32) []byte { return wt.I32Const(n) }

// goodPlugin handles content and does nothing.
func goodPlugin() *wt.Module {
	m := wt.Plugin()
	m.Phase("on_content", answers(0))
	return m
}

// pluginWith is a good plugin with something more, which comes first.
func pluginWith(change func(m *wt.Module)) []byte {
	m := wt.Plugin()
	change(m)
	m.Phase("on_content", answers(0))
	return m.Bytes()
}

// importing is a good plugin that also imports a function.
func importing(module, name string, s wt.Signature) []byte {
	return pluginWith(func(m *wt.Module) { m.Import(module, name, s) })
}

// exporting is a good plugin with one more function.
func exporting(name string, s wt.Signature, body ...[]byte) []byte {
	return pluginWith(func(m *wt.Module) { m.Export(name, m.Func(name, s, body...)) })
}

func build(change func(m *wt.Module)) []byte {
	m := &wt.Module{}
	change(m)
	return m.Bytes()
}

var loadErrors = []struct {
	name string
	wasm []byte
	want string
}{
	{"empty file", nil, `this is not a WebAssembly module: it does not begin with \0asm`},
	{"text", []byte("(module)"), `this is not a WebAssembly module: it does not begin with \0asm`},
	{"only the magic", []byte("\x00asm"),
		"the module is of an unknown WebAssembly version; phasm runs version 1"},
	{"component", []byte("\x00asm\x0d\x00\x01\x00\x07\x00"),
		"this is a WebAssembly component; phasm runs core modules: build with a wasip1 target, not wasip2"},
	{"version 2", []byte("\x00asm\x02\x00\x00\x00"),
		"the module is of an unknown WebAssembly version; phasm runs version 1"},
	{"truncated", goodPlugin().Bytes()[:40],
		"the module cannot be used: section 7: it ends in the middle"},
	{"invalid", exporting("f", wt.Phase),
		"the module is not valid: invalid function[0] export[\"f\"]: not enough results\n\thave ()\n\twant (i32)"},
	{"function of an unknown type", // which metering adds
		[]byte("\x00asm\x01\x00\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01\x07\x17\x02\x06memory\x02\x00\x0aon_content\x00\x00\x0a\x06\x01\x04\x00\x41\x00\x0b"),
		"the module cannot be used: function 0 is of type 0, which does not exist"},
	{"block of an unknown type", exporting("f", wt.Void, []byte{0x02, 7, 0x0b}),
		"the module cannot be used: function 0: it uses type 7, which does not exist"},
	{"indirect call of an unknown type", exporting("f", wt.Void, wt.I32Const(0), []byte{0x11, 7, 0}),
		"the module cannot be used: function 0: it uses type 7, which does not exist"},
	{"misspelt import", importing("phasm", "request_metod", wt.Sig("i32 i32", "i32")),
		"it imports phasm.request_metod, which does not exist: see sdk/ABI.md; did you mean request_method?"},
	{"unknown import", importing("phasm", "open_file", wt.Void),
		"it imports phasm.open_file, which does not exist: see sdk/ABI.md"},
	{"import of another type", importing("phasm", "request_method", wt.Sig("i32", "i32")),
		"it imports phasm.request_method as (i32) → (i32), but it is (i32, i32) → (i32): see sdk/ABI.md"},
	{"import of another result", importing("phasm", "now", wt.Sig("", "i32")),
		"it imports phasm.now as () → (i32), but it is () → (i64): see sdk/ABI.md"},
	{"unknown module", importing("env", "abort", wt.Sig("i32 i32 i32 i32", "")),
		"it imports env.abort, but a plugin may import from phasm and wasi_snapshot_preview1 only"},
	{"for javascript", importing("gojs", "runtime.wasmExit", wt.Sig("i32", "")),
		"it imports gojs.runtime.wasmExit: it was built for JavaScript; build with GOOS=wasip1, not GOOS=js"},
	{"unknown wasi function", importing("wasi_snapshot_preview1", "sock_open", wt.Sig("i32 i32 i32", "i32")),
		"it imports wasi_snapshot_preview1.sock_open, which does not exist"},
	{"wasi function of another type", importing("wasi_snapshot_preview1", "proc_exit", wt.Sig("i64", "")),
		"it imports wasi_snapshot_preview1.proc_exit as (i64) → (), but it is (i32) → ()"},
	{"wasi of an older version", importing("wasi_unstable", "proc_exit", wt.Sig("i32", "")),
		"it imports wasi_unstable.proc_exit, but a plugin may import from phasm and wasi_snapshot_preview1 only"},
	{"imported memory", build(func(m *wt.Module) {
		m.ImportMemory("env", "memory", 1)
		m.ExportMemory("memory")
		m.Phase("on_content", answers(0))
	}), `it imports a memory, env.memory: a plugin brings its own and exports it as "memory"`},
	{"imported global", pluginWith(func(m *wt.Module) {
		m.ImportGlobal("env", "stack_pointer")
	}), "cannot initialise: module[env] not instantiated"},
	{"no memory", build(func(m *wt.Module) { m.Phase("on_content", answers(0)) }),
		`it exports no memory named "memory"`},
	{"memory of another name", build(func(m *wt.Module) {
		m.Memory(1)
		m.ExportMemory("mem")
		m.Phase("on_content", answers(0))
	}), `it exports no memory named "memory"`},
	{"misspelt phase", exporting("on_acces", wt.Phase, answers(0)),
		"it exports on_acces, which is no phase: the phases are on_init, on_init_worker, on_exit_worker, on_rewrite, on_access, on_content, on_header_filter, on_body_filter, on_log, on_timer, on_message, on_balancer, on_tls_certificate; did you mean on_access?"},
	{"unknown phase", exporting("on_websocket_message", wt.Phase, answers(0)),
		"it exports on_websocket_message, which is no phase: the phases are on_init, on_init_worker, on_exit_worker, on_rewrite, on_access, on_content, on_header_filter, on_body_filter, on_log, on_timer, on_message, on_balancer, on_tls_certificate"},
	{"phase of another type", exporting("on_access", wt.Sig("i32", "i32"), answers(0)),
		"its export on_access is (i32) → (i32), but must be () → (i32)"},
	{"_initialize of another type", exporting("_initialize", wt.Phase, answers(0)),
		"its export _initialize is () → (i32), but must be () → ()"},
	{"version of another type", exporting("phasm_abi_version", wt.Sig("", "i64"), wt.I64Const(1)),
		"its export phasm_abi_version is () → (i64), but must be () → (i32)"},
	{"no phase", wt.Plugin().Bytes(),
		"it exports no phase: a plugin exports at least one of on_init, on_init_worker, on_exit_worker, on_rewrite, on_access, on_content, on_header_filter, on_body_filter, on_log, on_timer, on_message, on_balancer, on_tls_certificate"},
	{"command", build(func(m *wt.Module) {
		m.Memory(1)
		m.ExportMemory("memory")
		m.Export("_start", m.Func("_start", wt.Void))
	}), "it is a command (it exports _start and no phase): build a Go plugin with -buildmode=c-shared, or by phasm build"},
	{"several problems at once", build(func(m *wt.Module) {
		m.Import("phasm", "request_metod", wt.Sig("i32 i32", "i32"))
		m.Import("env", "abort", wt.Void)
		m.Phase("on_acces", answers(0))
		m.Phase("on_contents", answers(0))
		m.Export("on_log", m.Func("", wt.Void))
	}), "it imports phasm.request_metod, which does not exist: see sdk/ABI.md; did you mean request_method?\n" +
		"it imports env.abort, but a plugin may import from phasm and wasi_snapshot_preview1 only\n" +
		"it exports no memory named \"memory\"\n" +
		"it exports on_acces, which is no phase: the phases are on_init, on_init_worker, on_exit_worker, on_rewrite, on_access, on_content, on_header_filter, on_body_filter, on_log, on_timer, on_message, on_balancer, on_tls_certificate; did you mean on_access?\n" +
		"it exports on_contents, which is no phase: the phases are on_init, on_init_worker, on_exit_worker, on_rewrite, on_access, on_content, on_header_filter, on_body_filter, on_log, on_timer, on_message, on_balancer, on_tls_certificate; did you mean on_content?\n" +
		"its export on_log is () → (), but must be () → (i32)"},
	{"another version of the ABI", exporting("phasm_abi_version", wt.Phase, answers(2)),
		"it speaks version 2 of the ABI, this phasm version 1: build it with this phasm's SDK"},
	{"trap in the version", exporting("phasm_abi_version", wt.Phase, wt.Unreachable),
		"cannot call phasm_abi_version: wasm error: unreachable in .phasm_abi_version() i32"},
	{"no phase handled", exporting("phasm_phases", wt.Phase, answers(0)),
		"it handles no phase: register a handler in an init function, for example sdk.Content(answer)"},
	{"no exported phase handled", exporting("phasm_phases", wt.Phase, answers(1<<8)),
		"it handles no phase: register a handler in an init function, for example sdk.Content(answer)"},
	{"memory over the limit", pluginWith(func(m *wt.Module) { m.Memory(3) }),
		"its memory begins with 3 pages of 64 KiB, its limit is 2 (memory in [plugins.p.limits])"},
	{"data outside of the memory", pluginWith(func(m *wt.Module) {
		m.Data(65535, "ab")
	}), "cannot initialise: wasm error: out of bounds memory access in .phasm:start()"},
	{"trap in the start function", pluginWith(func(m *wt.Module) {
		m.Start(m.Func("prepare", wt.Void, wt.Unreachable))
	}), "cannot initialise: wasm error: unreachable in .prepare() ← .phasm:start()"},
	{"trap in _initialize", exporting("_initialize", wt.Void, wt.Unreachable),
		"cannot call _initialize: wasm error: unreachable in ._initialize()"},
	{"trap in on_init", exporting("on_init", wt.Phase, wt.Unreachable),
		"on_init failed: wasm error: unreachable in .on_init() i32"},
	{"on_init answers no action", exporting("on_init", wt.Phase, answers(5)),
		"on_init failed: it answered 5, which is neither 0 (go on) nor 1 (final)"},
	{"exit in _initialize", pluginWith(func(m *wt.Module) {
		exit := m.Import("wasi_snapshot_preview1", "proc_exit", wt.Sig("i32", ""))
		m.Export("_initialize", m.Func("_initialize", wt.Void, wt.I32Const(3), wt.Call(exit)))
	}), "cannot call _initialize: it exited with status 3"},
	{"exit with success in _initialize", pluginWith(func(m *wt.Module) {
		exit := m.Import("wasi_snapshot_preview1", "proc_exit", wt.Sig("i32", ""))
		m.Export("_initialize", m.Func("_initialize", wt.Void, wt.I32Const(0), wt.Call(exit)))
	}), "cannot call _initialize: it exited with status 0"},
}

func TestLoadErrors(t *testing.T) {
	for _, test := range loadErrors {
		t.Run(strings.ReplaceAll(test.name, " ", "-"), func(t *testing.T) {
			o, _ := options(t, test.wasm)
			o.Memory = 2 * pageSize
			wantLoadError(t, o, test.want)
		})
	}
}

// wantLoadError loads a plugin that must fail with this message.
func wantLoadError(t *testing.T, o Options, want string) {
	t.Helper()
	p, err := Load(context.Background(), o)
	if err == nil {
		p.Close()
		t.Fatal("it loads")
	}
	if want = `plugin "p": ` + want; err.Error() != want {
		t.Errorf("the error is\n%v\nwant\n%v", err, want)
	}
}

func TestLoadErrorsOfFiles(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.wasm")
	if err := os.WriteFile(large, goodPlugin().Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxModule+1); err != nil { // a hole: it takes no room
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "hello.wasm")
	for path, want := range map[string]string{
		missing:                        "no module at " + missing + ": build one with phasm build DIR -o hello.wasm",
		dir:                            "cannot read the module: " + dir + " is not a file; a directory of Go source goes under source",
		large:                          "cannot read the module: " + large + " has 268435457 bytes, the limit is 268435456",
		filepath.Join(large, "x.wasm"): "cannot read the module: stat " + large + "/x.wasm: not a directory",
	} {
		o, _ := options(t, nil)
		o.Path = path
		wantLoadError(t, o, want)
	}
}

// A plugin needs no more than a memory and a function.
func TestSmallestPlugin(t *testing.T) {
	wasm := goodPlugin().Bytes()
	if len(wasm) > 200 {
		t.Errorf("it has %d bytes", len(wasm))
	}
	p, log := load(t, goodPlugin())
	if action, err := acquire(t, p).Run(exchange(nil), abi.Content); action != abi.Continue || err != nil {
		t.Errorf("action is %d, error %v", action, err)
	}
	if p.Name() != "p" || p.Open() || p.Phases() != abi.Content.Mask() {
		t.Errorf("it is %q, open is %v, phases are %v", p.Name(), p.Open(), p.Phases())
	}
	if lines := log.all(t); len(lines) != 1 || lines[0]["msg"] != "plugin loaded" || lines[0]["plugin"] != "p" {
		t.Errorf("logged %v", lines)
	}
}

// What failed to load must leave nothing behind that runs or is shown.
func TestLoadErrorRegistersNothing(t *testing.T) {
	o, _ := options(t, exporting("on_init", wt.Phase, wt.Unreachable))
	wantLoadError(t, o, "on_init failed: wasm error: unreachable in .on_init() i32")
	var b strings.Builder
	o.Registry.WritePrometheus(&b)
	if strings.Contains(b.String(), "phasm_plugin") {
		t.Errorf("a plugin that did not load has metrics:\n%s", b.String())
	}
}

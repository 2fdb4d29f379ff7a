//go:build !race

package meter_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"phasm/plugins/meter"
	"phasm/sdk/abi"
)

// TestExamples runs each example plugin, built by stock Go, as it is and
// metered, before a host that answers from a script. Both must make the same
// host calls with the same arguments, which includes pointers, and end with
// the same memory: so everything the Go runtime does in there is the same.
//
// Metering changes the module, whatever runs it: wazero's interpreter is ready
// in a fifth of the time its compiler takes, longer than all the rest. Some
// examples are compiled when metered, as phasm does with all of them.
func TestExamples(t *testing.T) {
	mains, err := filepath.Glob("../../wasm-examples/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatal("there are no examples", err)
	}
	compiled := []string{"api-gateway", "hello", "replace", "sqli-xss-filter"}
	for _, main := range mains {
		folder := filepath.Dir(main)
		config := filepath.Join(folder, "config.toml")
		example := filepath.Base(folder)
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			wasm := buildGo(t, folder)
			want := newScriptedHost(t, config).run(t, wazero.NewRuntimeConfigInterpreter(), wasm, func() int32 { return 0 })
			engine := wazero.NewRuntimeConfigInterpreter()
			if slices.Contains(compiled, example) {
				engine = wazero.NewRuntimeConfigCompiler()
			}
			rewritten, err := meter.Rewrite(wasm, options)
			if err != nil {
				t.Fatal(err)
			}
			turn := 0
			got := newScriptedHost(t, config).run(t, engine, rewritten.Code, func() int32 {
				turn++
				return [...]int32{1, 7, 100}[turn%3]
			})
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("step %d: metered: %s\nunmetered: %s", i, got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d steps metered, %d unmetered", len(got), len(want))
			}
			calls := slices.IndexFunc(want, func(line string) bool { return strings.HasPrefix(line, "response_") })
			answersNothing := []string{"request-log", "url-rewriter", "sqli-xss-filter", "waf", "rate-limit", "ddos-guard", "redis-lock", "balancer-by-header", "certificate-by-sni", "dynamic-routing"}
			if calls < 0 && !slices.Contains(answersNothing, example) {
				t.Errorf("it did not answer anything:\n%s", strings.Join(want, "\n"))
			}
			if turn < 500 {
				t.Errorf("it asked for steps %d times only", turn)
			}
		})
	}
}

// scriptedHost answers host calls always in the same way, and keeps what was
// called.
type scriptedHost struct {
	config map[string]any
	body   string // of the request, until it is read
	silent bool   // nothing is kept
	did    []string
}

// newScriptedHost is a host whose plugin has the configuration of the first
// one in a file.
func newScriptedHost(tb testing.TB, file string) *scriptedHost {
	tb.Helper()
	var config struct {
		Plugins map[string]struct{ Config map[string]any }
	}
	meta, err := toml.DecodeFile(file, &config)
	if err != nil {
		tb.Fatal(err)
	}
	for _, key := range meta.Keys() {
		if len(key) == 2 && key[0] == "plugins" {
			return &scriptedHost{config: config.Plugins[key[1]].Config}
		}
	}
	tb.Fatalf("%s has no plugin", file)
	return nil
}

// instantiate starts a plugin, which ends with the test.
func (h *scriptedHost) instantiate(tb testing.TB, engine wazero.RuntimeConfig, wasm []byte, refill func() int32) api.Module {
	tb.Helper()
	ctx := tb.Context()
	r := wazero.NewRuntimeWithConfig(ctx, engine)
	tb.Cleanup(func() { r.Close(context.Background()) })
	if err := instantiateRefill(ctx, r, refill); err != nil {
		tb.Fatal(err)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		tb.Fatal(err)
	}
	compiled, err := r.CompileModule(ctx, wasm)
	if err != nil {
		tb.Fatal(err)
	}
	functions := r.NewHostModuleBuilder("phasm")
	for _, f := range compiled.ImportedFunctions() {
		if module, name, _ := f.Import(); module == "phasm" {
			params := f.ParamTypes()
			call := func(_ context.Context, m api.Module, stack []uint64) { h.call(m.Memory(), name, params, stack) }
			functions.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(call), params, f.ResultTypes()).Export(name)
		}
	}
	if _, err := functions.Instantiate(ctx); err != nil {
		tb.Fatal(err)
	}
	// The clock and the randomness of the default configuration are always the
	// same.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions().WithStderr(os.Stderr)
	m, err := r.InstantiateModule(ctx, compiled, config)
	if err != nil {
		tb.Fatal(err)
	}
	if err := start(ctx, m); err != nil {
		tb.Fatal(err)
	}
	return m
}

// run takes a plugin from its beginning through two requests to its end, and
// answers all that it did.
func (h *scriptedHost) run(t *testing.T, engine wazero.RuntimeConfig, wasm []byte, refill func() int32) []string {
	t.Helper()
	m := h.instantiate(t, engine, wasm, refill)
	h.export(t, m, "_initialize")
	has := abi.Mask(h.export(t, m, "phasm_phases")[0])
	phase := func(p abi.Phase) {
		if has.Has(p) {
			h.export(t, m, p.Export())
		}
	}
	phase(abi.Init)
	phase(abi.InitWorker)
	for range 2 {
		h.body = `{"name": "a table", "price": 120, "tags": ["new", "wood"]}`
		for p := abi.Rewrite; p <= abi.Log; p++ {
			phase(p)
		}
	}
	phase(abi.ExitWorker)
	return h.did
}

// export calls an export and keeps what it answers and leaves in memory.
func (h *scriptedHost) export(t *testing.T, m api.Module, name string) []uint64 {
	results, err := m.ExportedFunction(name).Call(t.Context())
	content, _ := m.Memory().Read(0, m.Memory().Size())
	sum := fnv.New64a()
	sum.Write(content)
	line := fmt.Sprintf("%s = %v, memory %d %x", name, results, len(content), sum.Sum64())
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	h.did = append(h.did, line)
	return results
}

// answers are the texts that host functions write into a guest's buffer.
var answers = map[string]string{
	"request_method":       "POST",
	"request_uri":          "/api/items/7?x=1",
	"request_path":         "/api/items/7",
	"request_query":        "x=1",
	"query_get":            "1",
	"query_list":           list("x", "1"),
	"param_get":            "7",
	"param_list":           list("id", "7"),
	"variable_get":         "127.0.0.1",
	"request_header_get":   "application/json",
	"request_header_list":  list("Host", "example.com", "Content-Type", "application/json"),
	"response_header_get":  "text/html; charset=utf-8",
	"response_header_list": list("Content-Type", "text/html"),
	"response_chunk":       "<a href=http://example.com>http://example.org</a> htt",
	"ctx_get":              "76",
}

func list(texts ...string) string {
	var b []byte
	for _, text := range texts {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return string(b)
}

// call is a host call. Its arguments are the stack's beginning, its result
// goes there.
func (h *scriptedHost) call(memory api.Memory, name string, params []api.ValueType, stack []uint64) {
	args := stack[:len(params)]
	for i, t := range params {
		if t == api.ValueTypeI32 {
			args[i] = uint64(uint32(args[i])) // above it is what was left there
		}
	}
	if !h.silent {
		h.did = append(h.did, fmt.Sprintf("%s%x", name, args))
	}
	const notFound, ioError = -1, -9
	result := int64(0)
	text, known := answers[name]
	switch {
	case name == "config_get":
		key, _ := memory.Read(uint32(args[0]), uint32(args[1]))
		text, known = h.setting(string(key))
		if !known {
			result = notFound
		}
	case name == "request_body_read":
		text, known = h.body, true
		h.body = ""
	case name == "response_status":
		result = 200
	case name == "response_eof":
		result = 1
	case name == "now", name == "request_start":
		result = 1e18
	case reachesOut(name):
		result = ioError
	}
	if known {
		buffer, capacity := uint32(args[len(args)-2]), args[len(args)-1]
		if uint64(len(text)) <= capacity {
			memory.WriteString(buffer, text)
		}
		result = int64(len(text))
	}
	stack[0] = uint64(result)
}

// reachesOut tells whether a function needs a store or another machine: there
// is none.
func reachesOut(name string) bool {
	for _, prefix := range []string{"zone_", "redis_", "http_"} {
		if strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "_open") {
			return true
		}
	}
	return false
}

// setting is a value of the configuration as config_get answers it.
func (h *scriptedHost) setting(key string) (text string, known bool) {
	var value any = h.config
	for part := range strings.FieldsFuncSeq(key, func(r rune) bool { return r == '.' }) {
		table, _ := value.(map[string]any)
		if value, known = table[part]; !known {
			return "", false
		}
	}
	if text, isText := value.(string); isText {
		return text, true
	}
	encoded, err := json.Marshal(value)
	return string(encoded), err == nil
}

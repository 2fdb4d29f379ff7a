//go:build !wasip1

package sdk_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/valyala/fasthttp"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/plugins/zone"
	"phasm/sdk/abi"
)

// TestGuestAllocates builds a guest and has it count what the functions that
// promise not to allocate do allocate: natively the fake's doings count too.
func TestGuestAllocates(t *testing.T) {
	zones := host.Grants{Zones: []host.Zone{{Name: "zone", Store: zone.New(zone.MinSize), Write: true}}}
	call := &host.Call{
		Context: context.Background(),
		Plugin:  host.NewPlugin("guest", map[string]any{"key": "value"}, zones, slog.New(slog.DiscardHandler), metric.NewRegistry()),
		Exchange: &host.Exchange{
			Request: &fasthttp.Request{}, Response: &fasthttp.Response{}, Params: noParams{}, Wire: wire{}, Epoch: time.Now(),
		},
	}
	guest := instantiate(t, call, "testdata/guest")
	run := func(p abi.Phase) {
		t.Helper()
		call.Phase = p
		if _, err := guest.ExportedFunction(p.Export()).Call(call); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
	}
	x := call.Exchange
	run(abi.Init)
	for _, p := range []abi.Phase{abi.Rewrite, abi.Content} {
		run(p)
		if body := string(x.Response.Body()); body != "" {
			t.Errorf("100 runs in %s allocate:\n%s", p, body)
		}
		x.Response.ResetBody()
	}
	run(abi.HeaderFilter)
	if n := x.Response.Header.Peek("X-Allocations"); len(n) > 0 {
		t.Errorf("100 runs in header_filter allocate: %s", n)
	}
	x.Chunk = []byte("chunk")
	run(abi.BodyFilter)
	if string(x.Chunk) != "0" {
		t.Errorf("100 runs in body_filter allocate: %s", x.Chunk)
	}

	call.Phase = abi.Init
	mask, err := guest.ExportedFunction(abi.ExportPhases).Call(call)
	if err != nil || abi.Mask(mask[0]).String() != "init, rewrite, content, header_filter, body_filter" {
		t.Errorf("the guest handles %s, error %v", abi.Mask(mask[0]), err)
	}
	version, err := guest.ExportedFunction(abi.ExportVersion).Call(call)
	if err != nil || version[0] != abi.Version {
		t.Errorf("the guest speaks version %d, error %v", version[0], err)
	}
}

// instantiate builds a guest and makes an instance of it.
func instantiate(t *testing.T, call *host.Call, dir string) api.Module {
	t.Helper()
	file := filepath.Join(t.TempDir(), "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", file, "./"+dir)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the guest: %v\n%s", err, out)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	runtime := wazero.NewRuntime(call)
	t.Cleanup(func() { runtime.Close(context.Background()) })
	wasi_snapshot_preview1.MustInstantiate(call, runtime)
	if err := host.Instantiate(call, runtime); err != nil {
		t.Fatal(err)
	}
	guest, err := runtime.InstantiateWithConfig(call, wasm, wazero.NewModuleConfig().WithStartFunctions(abi.ExportInit).WithStderr(os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	return guest
}

// wire is the connection of an exchange that was never received.
type wire struct{}

func (wire) ReadBody([]byte, int64, bool, time.Time) (int, error) { return 0, io.EOF }
func (wire) SetBody([]byte)                                       {}
func (wire) Flush(time.Time) error                                { return nil }
func (wire) StepAside()                                           {}

func (wire) HeadSent() bool   { return false }
func (wire) ClientGone() bool { return false }
func (wire) Subrequest([]byte, []byte, []string, []byte) (host.Subrequest, abi.Errno) {
	return nil, abi.NoMemory
}

type noParams struct{}

func (noParams) Len() int                  { return 0 }
func (noParams) Name(int) string           { return "" }
func (noParams) Value(int) []byte          { return nil }
func (noParams) Get(string) ([]byte, bool) { return nil, false }

package plugins

import (
	"bytes"
	"testing"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// A flush in content runs the body filter of the same instance. Each phase
// must see itself as the one that runs, before, during and after.
func TestRunInsideOfAnotherPhase(t *testing.T) {
	m := wt.Plugin()
	flush := m.Import("phasm", "response_flush", wt.Phase)
	eof := m.Import("phasm", "response_eof", wt.Phase)
	m.Phase("on_content",
		store(0, wt.Call(eof)), store(4, wt.Call(flush)), store(8, wt.Call(eof)), store(12, wt.Call(flush)), answers(1))
	m.Phase("on_body_filter", count(16), store(20, wt.Call(eof)), store(24, wt.Call(flush)), answers(0))
	p, _ := load(t, m)
	i := acquire(t, p)
	var x *host.Exchange
	x = exchange(func() error {
		x.EOF = true
		if action, err := i.Run(x, abi.BodyFilter); action != abi.Continue || err != nil {
			t.Errorf("the body filter's action is %d, error %v", action, err)
		}
		return nil
	})
	if action, err := i.Run(x, abi.Content); action != abi.Final || err != nil {
		t.Errorf("content's action is %d, error %v", action, err)
	}
	wrong := int32(abi.WrongPhase)
	for n, want := range []int32{wrong, 0, wrong, 0, 2, 1, wrong} {
		if got := at(t, i, uint32(n)*4); got != want {
			t.Errorf("answer %d is %d, want %d", n, got, want)
		}
	}
	if i.call.Exchange != nil || i.call.Phase != abi.Init {
		t.Error("the call still points at the exchange")
	}
}

// What content writes must be what it has put in its memory, although a body
// filter that runs in between makes the memory grow, which may move it.
func TestWriteWhileAFilterGrowsTheMemory(t *testing.T) {
	const size = 17 * pageSize // more than is held back
	m := wt.Plugin()
	m.Memory(18, 400)
	write := m.Import("phasm", "response_write", wt.Sig("i32 i32", "i32"))
	m.Data(size-8, "the body")
	m.Phase("on_content", store(size, wt.I32Const(0), wt.I32Const(size), wt.Call(write)), answers(0))
	m.Phase("on_body_filter", store(size+4, wt.I32Const(300), wt.MemoryGrow), answers(0))
	p, _ := load(t, m)
	i := acquire(t, p)
	var x *host.Exchange
	x = exchange(func() error {
		_, err := i.Run(x, abi.BodyFilter)
		return err
	})
	if _, err := i.Run(x, abi.Content); err != nil {
		t.Fatal(err)
	}
	if at(t, i, size) != 0 || at(t, i, size+4) != 18 {
		t.Fatalf("the write answers %d, growing %d", at(t, i, size), at(t, i, size+4))
	}
	want, _ := i.module.Memory().Read(0, size)
	if got := x.Response.Body(); !bytes.Equal(got, want) || !bytes.HasSuffix(got, []byte("the body")) {
		t.Errorf("a body of %d bytes, want the %d in memory", len(got), size)
	}
}

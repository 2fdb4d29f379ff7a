package plugins

import (
	"testing"

	"phasm/plugins/host"
	"phasm/plugins/httpclient"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// opened notes which requests are open.
type opened struct{ open int }

type openRequest struct {
	httpclient.Exchange
	of *opened
}

func (o *opened) Start(r *httpclient.Request) httpclient.Exchange {
	o.open++
	return &openRequest{of: o}
}

func (r *openRequest) Close() { r.of.open-- }

// What a plugin has opened and left is closed when its exchange ends, and when
// its initialisation or its init_worker does.
func TestWhatIsOpenEndsWithTheExchange(t *testing.T) {
	m := wt.Plugin()
	request := m.Import("phasm", "http_request", wt.Sig("i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", "i32"))
	m.Data(16, "GEThttp://a/")
	var code [][]byte
	for _, n := range []int32{16, 3, 19, 9, 0, 0, 0, 0, 0, 0} {
		code = append(code, wt.I32Const(n))
	}
	open := store(8, append(code, wt.Call(request))...)
	for _, phase := range []string{"on_init", "on_init_worker", "on_content", "on_log"} {
		m.Phase(phase, open, answers(0))
	}
	var o opened
	p, _ := load(t, m, func(options *Options) { options.Grants = host.Grants{HTTP: []string{"a"}, HTTPSender: &o} })
	if o.open != 0 {
		t.Errorf("%d are open after init", o.open)
	}
	if err := p.RunWorker(abi.InitWorker); err != nil || o.open != 0 {
		t.Errorf("%d are open after init_worker, error %v", o.open, err)
	}
	i, err := p.Acquire()
	if err != nil {
		t.Fatal(err)
	}
	i.Begin()
	for n, phase := range []abi.Phase{abi.Content, abi.Log} {
		if _, err := i.Run(exchange(nil), phase); err != nil {
			t.Fatal(err)
		}
		if handle := at(t, i, 8); handle != int32(n) || o.open != n+1 {
			t.Errorf("the handle in %s is %d, %d are open", phase, handle, o.open)
		}
	}
	p.Release(i)
	if o.open != 0 {
		t.Errorf("%d are open after the exchange", o.open)
	}
}

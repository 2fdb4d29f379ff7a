package plugins

import (
	"testing"

	"phasm/plugins/host"
	wt "phasm/plugins/internal/wasmtest"
	"phasm/sdk/abi"
)

// envReader asks for the environment variable TOKEN in content, and keeps the
// answer's length, or the error, at address 8 and the answer at 64.
func envReader() *wt.Module {
	m := wt.Plugin()
	get := m.Import("phasm", "env_get", wt.Sig("i32 i32 i32 i32", "i32"))
	m.Data(16, "TOKEN")
	m.Phase("on_content", store(8, wt.I32Const(16), wt.I32Const(5), wt.I32Const(64), wt.I32Const(32), wt.Call(get)), answers(0))
	return m
}

// grant gives a plugin environment variables; TOKEN alone is set.
func grant(names ...string) func(*Options) {
	return func(o *Options) {
		o.Grants = host.Grants{Env: names, LookupEnv: func(name string) (string, bool) { return "secret", name == "TOKEN" }}
	}
}

// A module that uses what it has not been given does not load, and the error
// is the line to write.
func TestLoadWithoutGrant(t *testing.T) {
	const want = `it uses env_get, which needs a grant: add env = ["NAME"] under [plugins.p.grants]`
	for _, names := range [][]string{nil, {}} {
		o, _ := options(t, envReader().Bytes())
		grant(names...)(&o)
		wantLoadError(t, o, want)
	}
	o, _ := options(t, pluginWith(func(m *wt.Module) {
		m.Import("phasm", "env_get", wt.Sig("i32 i32 i32 i32", "i32"))
		m.Import("phasm", "env_set", wt.Void)
	}))
	wantLoadError(t, o, want+"\nit imports phasm.env_set, which does not exist: see sdk/ABI.md; did you mean env_get?")
}

func TestEnvOfAGuest(t *testing.T) {
	for _, test := range []struct {
		granted string
		answer  int32
		logged  string
	}{
		{"TOKEN", 6, ""},
		{"OTHER", int32(abi.NotGranted), `env "TOKEN" is not granted: add it to env in [plugins.p.grants]`},
	} {
		p, log := load(t, envReader(), grant(test.granted))
		first := acquire(t, p)
		for _, i := range []*Instance{first, first, acquire(t, p)} {
			if _, err := i.Run(exchange(nil), abi.Content); err != nil {
				t.Fatal(err)
			}
			if got := at(t, i, 8); got != test.answer {
				t.Errorf("granted %s: it answers %d, want %d", test.granted, got, test.answer)
			}
			text, _ := i.module.Memory().Read(64, 7)
			if want := "secret\x00"; (string(text) == want) != (test.answer > 0) {
				t.Errorf("granted %s: the guest sees %q", test.granted, text)
			}
		}
		refusals := 0
		for _, line := range log.all(t) {
			if line["level"] == "ERROR" && line["msg"] == test.logged && line["plugin"] == "p" {
				refusals++
			}
		}
		if want := min(1, len(test.logged)); refusals != want {
			t.Errorf("granted %s: %d refusals are logged, want %d: %v", test.granted, refusals, want, log.all(t))
		}
	}
}

// What is granted in vain is worth a line: the module may not be the one that
// was meant.
func TestUnusedGrant(t *testing.T) {
	const want = "the plugin does not use what it is granted: remove env from [plugins.p.grants]"
	for _, test := range []struct {
		module *wt.Module
		names  []string
		warned bool
	}{
		{goodPlugin(), []string{"TOKEN"}, true},
		{goodPlugin(), nil, false},
		{envReader(), []string{"TOKEN"}, false},
	} {
		_, log := load(t, test.module, grant(test.names...))
		warned := false
		for _, line := range log.all(t) {
			warned = warned || line["level"] == "WARN" && line["msg"] == want && line["plugin"] == "p"
		}
		if warned != test.warned {
			t.Errorf("with %q granted it logs %v", test.names, log.all(t))
		}
	}
}

// A module that sends requests needs a grant for that, and a client.
func TestLoadWithoutHTTPGrant(t *testing.T) {
	m := pluginWith(func(m *wt.Module) {
		m.Import("phasm", "http_request", wt.Sig("i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", "i32"))
	})
	o, _ := options(t, m)
	o.Grants = host.Grants{HTTP: []string{"api.example.com"}}
	wantLoadError(t, o, `it uses http_request, which needs a grant: add http = ["NAME"] under [plugins.p.grants]`)
}

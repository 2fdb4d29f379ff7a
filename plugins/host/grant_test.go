package host_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"phasm/plugins/host"
	"phasm/plugins/metric"
	"phasm/sdk/abi"
)

// ungranted takes the guest's grants away.
func (g *guest) ungranted() {
	log := slog.New(slog.NewJSONHandler(&g.log, nil))
	g.call.Plugin, g.bare = host.NewPlugin("p", nil, host.Grants{}, log, metric.NewRegistry()), true
}

// A function that needs a grant refuses whatever a plugin without one asks
// it, in every phase.
func TestNothingIsGrantedByDefault(t *testing.T) {
	g := newGuest(t)
	tried := 0
	for _, f := range host.Functions() {
		if f.Grant == host.NoGrant {
			continue
		}
		given := grants(g.sender)
		if !given.Has(f.Grant) || (&host.Grants{}).Has(f.Grant) {
			t.Errorf("%s: the example has no grant %s, or everybody has it", f.Name, f.Grant)
		}
		for _, phase := range phasesOf(&f) {
			tried++
			g.ungranted()
			g.begin(phase)
			if got := g.checked(&f, g.goodArguments(&f)); got != notGranted {
				t.Errorf("%s in %s answers %d, want %d", f.Name, phase, got, notGranted)
			}
			want := fmt.Sprintf(`%s "x-a" is not granted: add it to %s in [plugins.p.grants]`, f.Grant, f.Grant)
			if lines := g.lines(); len(lines) != 1 || lines[0]["msg"] != want || lines[0]["level"] != "ERROR" || lines[0]["plugin"] != "p" {
				t.Errorf("%s in %s logs %v, want %s", f.Name, phase, lines, want)
			}
		}
	}
	if tried == 0 {
		t.Error("no function needs a grant")
	}
}

func TestGrants(t *testing.T) {
	var none host.Grants
	if !none.Has(host.NoGrant) {
		t.Error("a function without a grant needs one")
	}
	keys := map[string]bool{}
	for kind := range host.NumGrants {
		if kind != host.NoGrant && none.Has(kind) {
			t.Errorf("%s is granted to everybody", kind)
		}
		keys[kind.String()] = true
	}
	if len(keys) != int(host.NumGrants) || keys[""] {
		t.Errorf("the keys are %v", keys)
	}
	if none.Has(host.NumGrants) {
		t.Error("what does not exist is granted")
	}
}

// Each name is refused in the log once for all instances, and a guest that
// makes up names is not heard for ever, nor at any length.
func TestRefusalsAreLoggedOnce(t *testing.T) {
	g := newGuest(t)
	other := *g.call // another instance of the same plugin
	for range 3 {
		g.want(notGranted, "env_get", "SECRET")
	}
	g.call = &other
	g.want(notGranted, "env_get", "SECRET")
	g.want(notGranted, "env_get", "SECRET\n\xff")
	g.want(notGranted, "env_get", strings.Repeat("x", 60<<10))
	var got []string
	for _, line := range g.lines() {
		got = append(got, line["msg"].(string))
	}
	if want := []string{
		`env "SECRET" is not granted: add it to env in [plugins.p.grants]`,
		`env "SECRET\n\xff" is not granted: add it to env in [plugins.p.grants]`,
		`env "` + strings.Repeat("x", 100) + `" is not granted: add it to env in [plugins.p.grants]`,
	}; !slices.Equal(got, want) {
		t.Errorf("logged %q, want %q", got, want)
	}
	for i := range 1000 {
		g.want(notGranted, "env_get", fmt.Sprint("NAME", i))
	}
	if lines := g.lines(); len(lines) != 47 {
		t.Errorf("3 and then %d refusals are logged", len(lines))
	}
}

// The environment is looked at when the plugin is loaded and never again: a
// plugin sees no variable that it is not given, and none of them change.
func TestTheEnvironmentIsReadOnce(t *testing.T) {
	g := newGuest(t)
	var asked []string
	value := "first"
	g.call.Plugin = host.NewPlugin("p", nil, host.Grants{Env: []string{"A", "B"}, LookupEnv: func(name string) (string, bool) {
		asked = append(asked, name)
		return value, name == "A"
	}}, slog.New(slog.DiscardHandler), metric.NewRegistry())
	g.call.Phase = abi.Init
	value = "second"
	g.wantText("first", "env_get", "A")
	g.want(notFound, "env_get", "B")
	g.want(notGranted, "env_get", "C")
	if !slices.Equal(asked, []string{"A", "B"}) {
		t.Errorf("looked up %q", asked)
	}
	g.call.Plugin = host.NewPlugin("p", nil, host.Grants{Env: []string{"A"}}, slog.New(slog.DiscardHandler), metric.NewRegistry())
	g.want(notFound, "env_get", "A")
}

package server

import (
	"strings"
	"testing"
)

// Over a reload the figures of routes and plugins that stay go on, and those
// of the others go once their generation has ended.
func TestReloadMetrics(t *testing.T) {
	config := func(plugins ...string) string {
		var text strings.Builder
		for _, p := range plugins {
			text.WriteString("[plugins." + p + "]\nsource = \"TESTDATA/probe\"\nconfig = {name = \"" + p + "\"}\n" +
				"[routes." + p + "]\nmatch = \"/" + p + "\"\ncontent = \"" + p + "\"\n")
		}
		return text.String()
	}
	s := startFile(t, config("stays", "goes"))
	s.get("/stays")
	s.get("/goes")
	s.get("/goes")
	s.write(config("stays", "comes"))
	s.reload()
	s.waitForGenerations(1)
	s.get("/stays")
	s.get("/comes")
	s.do("GET", "/goes")
	s.wantSamples("phasm_requests_total", map[string]float64{
		`{route="stays",method="GET",code="200"}`: 2, `{route="comes",method="GET",code="200"}`: 1, `{route="",method="GET",code="404"}`: 1})
	s.wantSamples("phasm_request_duration_seconds_count", map[string]float64{`{route="stays"}`: 2, `{route="comes"}`: 1, `{route=""}`: 1})
	calls := map[string]float64{}
	var got map[string]float64
	if !eventually(func() bool {
		got = s.samples("phasm_plugin_calls_total")
		for labels, n := range got {
			if strings.Contains(labels, `phase="content"`) {
				calls[labels] = n
			}
		}
		return calls[`{plugin="stays",phase="content"}`] == 2 && calls[`{plugin="comes",phase="content"}`] == 1
	}) {
		t.Errorf("calls are %v", got)
	}
	if text := s.adminGet("/metrics"); strings.Contains(text, `"goes"`) {
		t.Error("there are figures of what is gone")
	}
	s.wantSamples("phasm_generations", map[string]float64{"": 1})
}

// A reload that fails takes no figure away and leaves none.
func TestFailedReloadMetrics(t *testing.T) {
	s := startFile(t, probeNamed("p"))
	s.get("/")
	before := s.samples("phasm_requests_total")
	s.write(strings.ReplaceAll(probeNamed("p"), "}", ", fail = \"init_worker\"}") + "[plugins.other]\nsource = \"TESTDATA/probe\"\nconfig = {name = \"other\"}\n")
	if s.Reload(t.Context()) == nil {
		t.Fatal("the reload succeeds")
	}
	s.wantSamples("phasm_requests_total", before)
	s.wantSample("phasm_plugin_calls_total", `{plugin="p",phase="content"}`, 1)
	if text := s.adminGet("/metrics"); strings.Contains(text, `"other"`) {
		t.Error("there are figures of a generation that came to nothing")
	}
}

// A plugin's own metrics go on over a reload, and may be defined differently
// by the next generation.
func TestReloadPluginMetrics(t *testing.T) {
	config := func(more string) string {
		return "[plugins.m]\nsource = \"TESTDATA/metrics\"\nconfig = {" + more + "}\n[routes.m]\nmatch = \"/\"\ncontent = \"m\"\n"
	}
	s := startFile(t, config(""))
	count := func(label string) {
		t.Helper()
		if got := s.get("/?label=" + label + "&number=1"); got != "" {
			t.Errorf("the plugin says %q", got)
		}
	}
	count("a")
	count("b")
	s.reload()
	s.waitForGenerations(1)
	count("a")
	s.wantSamples("guest_seen_total", map[string]float64{`{plugin="m",label="a"}`: 2, `{plugin="m",label="b"}`: 1})
	s.write(config("label = \"other\""))
	s.reload()
	count("a")
	s.waitForGenerations(1)
	s.wantSamples("guest_seen_total", map[string]float64{`{plugin="m",other="a"}`: 1})
	s.wantSamples("guest_last", map[string]float64{`{plugin="m",label="a"}`: 1, `{plugin="m",label="b"}`: 1})
	s.write(answering("none"))
	s.reload()
	s.waitForGenerations(1)
	s.wantSamples("guest_last", map[string]float64{})
}

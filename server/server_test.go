package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phasm/server/config"
)

// init runs when a configuration is loaded; the workers' phases belong to
// serving and run once each.
func TestLifecyclePhases(t *testing.T) {
	log := filepath.Join(t.TempDir(), "server.log")
	text := probes + `
[routes.r]
match = "/"
content = "a"
` + "[server.log]\nfile = \"" + log + "\"\n"
	count := func(phase string) int {
		t.Helper()
		got, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(got), `msg="a in `+phase+`"`)
	}
	c, err := config.Parse(filepath.Join("testdata", "test.toml"), []byte(text+listenerTables))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), c, Options{Cache: testCache()})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if count("init") != 1 || count("init_worker") != 0 || count("exit_worker") != 0 {
		t.Errorf("checked only: %d init, %d init_worker, %d exit_worker", count("init"), count("init_worker"), count("exit_worker"))
	}
	served := start(t, text)
	served.get("/")
	served.stop()
	if count("init") != 2 || count("init_worker") != 1 || count("exit_worker") != 1 {
		t.Errorf("then served: %d init, %d init_worker, %d exit_worker", count("init"), count("init_worker"), count("exit_worker"))
	}
}

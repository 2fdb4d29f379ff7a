package server

import (
	"path/filepath"
	"testing"

	"phasm/server/config"
)

const envConfig = `
[plugins.env]
source = "env"
[routes.env]
match = "/"
content = "env"
[server.log]
level = "error"
`

// A plugin gets of the environment what its configuration names, and where
// that is nothing the problem stands on the plugin's line and says what to add.
func TestGrants(t *testing.T) {
	environment := func(name string) (string, bool) { return "secret", name == "TOKEN" }
	for _, test := range []struct {
		name, grants string
		lookup       func(string) (string, bool)
		problem      string
	}{
		{"granted", "[plugins.env.grants]\nenv = [\"OTHER\", \"TOKEN\"]\n", environment, ""},
		{"no grants", "", environment, `it uses env_get, which needs a grant: add env = ["NAME"] under [plugins.env.grants]`},
		{"nothing granted", "[plugins.env.grants]\nenv = []\n", environment, `it uses env_get, which needs a grant: add env = ["NAME"] under [plugins.env.grants]`},
		{"another granted", "[plugins.env.grants]\nenv = [\"OTHER\"]\n", environment, "on_init failed: cannot read TOKEN: not granted"},
		{"not set", "[plugins.env.grants]\nenv = [\"TOKEN\"]\n", func(string) (string, bool) { return "", false }, "on_init failed: cannot read TOKEN: not found"},
		{"no environment", "[plugins.env.grants]\nenv = [\"TOKEN\"]\n", nil, "on_init failed: cannot read TOKEN: not found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join("testdata", "test.toml")
			c, err := config.Parse(file, []byte(envConfig+test.grants+listenerTables))
			if err != nil {
				t.Fatal(err)
			}
			c.Server.Log.File = filepath.Join(t.TempDir(), "server.log")
			s, err := New(t.Context(), c, Options{Cache: testCache(), LookupEnv: test.lookup})
			got, want := "", ""
			if err != nil {
				got = err.Error()
			} else {
				requestsOf(t, s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1)
				s.Close()
			}
			if test.problem != "" {
				want = file + ":3: plugins.env.source: " + test.problem
			}
			if got != want {
				t.Errorf("the error is %q, want %q", got, want)
			}
		})
	}
}

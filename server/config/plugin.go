package config

import "strings"

// Plugin is a [plugins.NAME] table: a module and its configuration.
type Plugin struct {
	// Name is the table's name, by which routes and phases refer to it.
	Name string

	// Source is the directory of a Go package that is built when the
	// configuration is loaded. Exactly one of Source and Path is set.
	Source string `toml:"source" file:"dir"`

	// Path is a WASM file.
	Path string `toml:"path" file:"file"`

	// Config is handed to the plugin; any table. Its values are those of the
	// TOML library: string, int64, float64, bool, time.Time, []any,
	// []map[string]any and map[string]any. Read-only. Default empty.
	Config map[string]any `toml:"config"`

	// OnError says what becomes of a request whose call fails: closed answers
	// 500, open goes on as if the plugin were not there. Default closed.
	OnError string `toml:"on_error" default:"closed" choices:"closed|open"`

	// Isolation says what an instance keeps from one exchange to the next:
	// shared everything, request nothing: memory, globals and tables are then
	// those that init left, for every exchange. Default shared.
	Isolation string `toml:"isolation" default:"shared" choices:"shared|request"`

	// Limits bound what the plugin may use.
	Limits PluginLimits `toml:"limits"`

	// Grants are what the plugin may use beside its requests. All default to
	// none.
	Grants PluginGrants `toml:"grants"`
}

// PluginLimits is a [plugins.NAME.limits] table.
type PluginLimits struct {
	// Memory is the most one instance may have, in whole pages of 64KiB: what
	// is left over does not count. From 64KiB to 4GiB. Default 64MiB.
	Memory Size `toml:"memory" default:"64MiB" min:"64KiB" max:"4GiB"`

	// Instances is the most there may be at once. Default 0: as many as the
	// server sees fit.
	Instances int `toml:"instances" default:"0" min:"0"`

	// Wait is how long a request waits for a free instance before it is
	// answered with 503; 0s does not wait. Default 1s.
	Wait Duration `toml:"wait" default:"1s"`

	// CPU is how long one call may compute; time that it is blocked in a host
	// function does not count. At least 1ms. Default 100ms.
	CPU Duration `toml:"cpu" default:"100ms" min:"1ms"`

	// Wall is how long one call may take, waiting included. At least 1ms.
	// Default 30s.
	Wall Duration `toml:"wall" default:"30s" min:"1ms"`
}

// PluginGrants is a [plugins.NAME.grants] table.
type PluginGrants struct {
	// Env are the names of the environment variables that the plugin may
	// read. It sees the values that they have when it is loaded.
	Env []string `toml:"env" form:"env"`

	// Zones are the zones that the plugin may use, each a name, with ":read"
	// behind it where the plugin may not change the zone; see ParseZoneGrant.
	Zones []string `toml:"zones"`

	// HTTP are the hosts that the plugin may send requests to:
	// [SCHEME://]HOST[:PORT], where *.NAME stands for all names below one.
	HTTP []string `toml:"http" form:"http"`

	// HTTPCA is a file of certificates, in PEM, of authorities that the
	// plugin's requests trust beside the machine's own. Default none.
	HTTPCA string `toml:"http_ca" file:"file"`

	_ struct{} `later:"sql"`
	// Redis are the names of the Redis servers that the plugin may use.
	Redis []string `toml:"redis"`

	// RedisRules say what the plugin may do with each of them. Default: what
	// RedisRules.Commands says, with any key.
	RedisRules []RedisRules `toml:"redis_rules"`

	// Upstreams are the names of the upstreams whose peers the plugin may change.
	Upstreams []string `toml:"upstreams"`
}

// checkPlugins reports plugins that have no code, or two kinds of it.
func (l *loader) checkPlugins() {
	for _, p := range l.config.Plugins {
		l.exactlyOne(keyPath("plugins", p.Name), `the plugin has no code; write source = "directory of a Go package" or path = "file.wasm"`,
			"source", "path")
	}
}

// exactlyOne reports a table at path that does not have exactly one of the
// keys.
func (l *loader) exactlyOne(path, none string, keys ...string) {
	if l.excused[path] {
		return
	}
	var have []string
	for _, key := range keys {
		if at := keyPath(path, key); l.given[at] || l.excused[at] {
			have = append(have, key)
		}
	}
	switch {
	case len(have) == 0:
		l.problem(path, "%s", none)
	case len(have) > 1:
		l.problem(path, "has %s; keep one of them", strings.Join(have, " and "))
	}
}

package host

import (
	"fmt"
	"log/slog"
	"sync"

	"phasm/sdk/abi"
)

// Grant is a kind of thing that a plugin may use only where its configuration
// gives it.
type Grant uint8

// Grants.
const (
	NoGrant   Grant = iota // what every plugin may use
	Env                    // environment variables, by name
	Zones                  // zones, by name
	HTTP                   // hosts that requests may be sent to
	Redis                  // Redis servers, by name
	Upstreams              // upstreams whose peers may be changed, by name
	NumGrants
)

// String is the grant's key under [plugins.NAME.grants].
func (g Grant) String() string {
	return [...]string{NoGrant: "none", Env: "env", Zones: "zones", HTTP: "http", Redis: "redis", Upstreams: "upstreams"}[g]
}

// Grants are what the configuration gives a plugin. The zero value is nothing.
type Grants struct {
	// Env are the names of the environment variables that the plugin may read.
	Env []string
	// LookupEnv answers a variable's value and whether it is set. It is asked
	// once for each name, when the plugin is loaded; where it is nil none is set.
	LookupEnv func(name string) (value string, set bool)
	// Zones are the zones that the plugin may use.
	Zones []Zone
	// HTTP are the hosts that the plugin may send requests to, as
	// httpclient.ParseGrant reads them; what it does not take grants nothing.
	HTTP []string
	// HTTPSender sends the plugin's requests; nil grants none.
	HTTPSender HTTPSender
	// Redis are the Redis servers that the plugin may use, by name. The clients
	// stay the caller's.
	Redis map[string]RedisGrant
	// Upstreams are the upstreams whose peers the plugin may change, by name.
	Upstreams map[string]Upstream
}

// Has tells whether anything of that kind is given.
func (g *Grants) Has(kind Grant) bool {
	switch kind {
	case NoGrant:
		return true
	case Env:
		return len(g.Env) > 0
	case Zones:
		return len(g.Zones) > 0
	case HTTP:
		return len(g.HTTP) > 0 && g.HTTPSender != nil
	case Redis:
		return len(g.Redis) > 0
	case Upstreams:
		return len(g.Upstreams) > 0
	default:
		return false
	}
}

// refusals are what a plugin has asked for without a grant. Its instances
// share them.
type refusals struct {
	plugin string
	log    *slog.Logger

	mu     sync.Mutex
	logged map[string]bool
}

// A guest that makes up names fills neither the log nor the memory.
const (
	maxRefusals    = 50  // how many different ones are logged
	maxRefusedName = 100 // where their names are cut off, in bytes
)

// add logs a refusal, unless it has been logged before.
func (r *refusals) add(kind Grant, name []byte) {
	r.once(fmt.Sprintf("%s %q is not granted: add it to %s in [plugins.%s.grants]",
		kind, name[:min(len(name), maxRefusedName)], kind, r.plugin))
}

// once logs a message, unless it has been logged before.
func (r *refusals) once(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logged[message] || len(r.logged) == maxRefusals {
		return
	}
	r.logged[message] = true
	r.log.Error(message)
}

// notGranted answers that the plugin may not use what has this name.
func (c *Call) notGranted(stack []uint64, kind Grant, name []byte) {
	c.Plugin.refusals.add(kind, name)
	fail(stack, abi.NotGranted)
}

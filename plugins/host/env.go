package host

import (
	"bytes"

	"phasm/sdk/abi"
)

// environment holds the variables that a plugin may read, by name, as they
// were when it was loaded: a nil value is one that was not set.
type environment map[string]*string

func newEnvironment(g Grants) environment {
	e := make(environment, len(g.Env))
	for _, name := range g.Env {
		e[name] = nil
		if g.LookupEnv == nil {
			continue
		}
		if value, set := g.LookupEnv(name); set {
			e[name] = &value
		}
	}
	return e
}

func envGet(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok || !isEnvName(name) {
		fail(s, abi.BadArgument)
		return
	}
	switch value, granted := c.Plugin.environment[string(name)]; {
	case !granted:
		c.notGranted(s, Env, name)
	case value == nil:
		fail(s, abi.NotFound)
	default:
		c.replyText(s, *value, s[2], s[3])
	}
}

// isEnvName tells whether an environment variable can have that name.
func isEnvName(name []byte) bool { return len(name) > 0 && !bytes.ContainsAny(name, "=\x00") }

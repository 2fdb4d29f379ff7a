package sdk

import "phasm/sdk/internal/imports"

// Env is the value that an environment variable of the server had when the
// plugin was loaded (os.getenv). One that is not set is [ErrNotFound], one that the
// configuration does not grant the plugin is [ErrNotGranted]:
//
//	[plugins.NAME.grants]
//	env = ["DATABASE_URL"]
//
// A plugin that calls Env is refused where nothing of env is granted.
func Env(name string) (string, error) {
	b, err := appendEnv(scratch, name)
	return text(b, err), err
}

func appendEnv(dst []byte, name string) ([]byte, error) {
	n := imports.EnvGet(name, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.EnvGet(name, free(dst))
	}
	return taken(dst, n)
}

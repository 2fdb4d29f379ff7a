//go:build !wasip1

package sdktest

import "strings"

// Env grants an environment variable and gives it a value.
func Env(name, value string) Grant { return func(f *fake) { f.env[name] = &value } }

// EnvUnset grants an environment variable that is not set.
func EnvUnset(name string) Grant { return func(f *fake) { f.env[name] = nil } }

// EnvGet implements imports.Host.
func (f *fake) EnvGet(name string, buf []byte) int32 {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return badArgument
	}
	switch value, granted := f.env[name]; {
	case !granted:
		return f.notGranted("env", name)
	case value == nil:
		return notFound
	default:
		return reply(buf, *value)
	}
}

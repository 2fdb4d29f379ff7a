//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestEnv(t *testing.T) {
	sdktest.New(t, nil, sdktest.Env("TOKEN", "secret"), sdktest.Env("EMPTY", ""), sdktest.Env("LONG", long), sdktest.EnvUnset("UNSET"))
	for name, want := range map[string]string{"TOKEN": "secret", "EMPTY": "", "LONG": long} {
		got, err := sdk.Env(name)
		fails(t, name, err, nil)
		equal(t, name, got, want)
	}
	for name, want := range map[string]error{
		"UNSET": sdk.ErrNotFound, "HOME": sdk.ErrNotGranted, "": sdk.ErrBadArgument, "TOKEN=secret": sdk.ErrBadArgument,
	} {
		got, err := sdk.Env(name)
		fails(t, name, err, want)
		equal(t, name, got, "")
	}
}

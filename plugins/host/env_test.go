package host_test

import (
	"testing"

	"phasm/sdk/abi"
)

func TestEnv(t *testing.T) {
	g := newGuest(t)
	for phase := range abi.NumPhases {
		g.begin(phase)
		g.wantText("of the environment", "env_get", "x-a")
		g.wantText("", "env_get", "EMPTY")
		g.want(notFound, "env_get", "UNSET")
		g.want(notGranted, "env_get", "SECRET")
		g.want(notGranted, "env_get", "x-")
		g.want(notGranted, "env_get", "X-A")
		for _, name := range []string{"", "=", "x-a=", "x-a=of the environment", "x-a\x00", "\x00"} {
			g.want(badArgument, "env_get", name)
		}
	}
}

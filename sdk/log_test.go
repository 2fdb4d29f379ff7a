//go:build !wasip1

package sdk_test

import (
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestLogging(t *testing.T) {
	h, _ := during(t, abi.Access, sdktest.Request{}, func(r *sdk.Request) {
		sdk.Debug("one")
		sdk.Info("two")
		sdk.Warn("three")
		sdk.Error("four")
		b := []byte("five")
		sdk.LogBytes(sdk.LevelWarn, b)
		clear(b) // the server has a copy
		sdk.LogBytes(7, []byte("no such level"))
		sdk.Info(strings.Repeat("x", 10_000))
	})
	want := []string{"debug access: one", "info access: two", "warn access: three", "error access: four", "warn access: five",
		"info access: " + strings.Repeat("x", 8<<10)}
	var got []string
	for _, line := range h.Logs() {
		got = append(got, line.String())
	}
	equalList(t, "log", got, want)
}

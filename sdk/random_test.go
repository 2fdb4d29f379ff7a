//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestRandom(t *testing.T) {
	sdktest.New(t, nil)
	var a, b [16]byte
	sdk.Random(a[:])
	sdk.Random(b[:])
	if a == b || a == [16]byte{} {
		t.Errorf("drawn %x and %x", a, b)
	}
	for _, make := range []func() string{sdk.UUID, sdk.UUIDv7} {
		a, b := make(), make()
		if a == b || len(a) != 36 || len(b) != 36 {
			t.Errorf("drawn %s and %s", a, b)
		}
	}
	first := sdk.UUIDv7()
	if second := sdk.UUIDv7(); second <= first {
		t.Errorf("%s comes after %s", second, first)
	}
	equal(t, "the time", first[:13], "019b76da-a800") // 2026-01-01
}

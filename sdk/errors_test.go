//go:build !wasip1

package sdk

import (
	"errors"
	"math"
	"testing"

	"phasm/sdk/abi"
)

func TestErrno(t *testing.T) {
	for n := range 10 {
		if err := errnoOf(int32(n)); err != nil {
			t.Errorf("%d is the error %v", n, err)
		}
	}
	for e := abi.NotFound; e >= abi.IsList; e-- {
		if err := errnoOf(int32(e)); !errors.Is(err, e) {
			t.Errorf("%d is the error %v, want %v", e, err, e)
		}
		if n := testing.AllocsPerRun(100, func() { errnoOf(int32(e)) }); n != 0 {
			t.Errorf("the error %v costs %v allocations", e, n)
		}
	}
	for _, n := range []int32{int32(abi.IsList) - 1, -100, -255} {
		if err := errnoOf(n); err == nil || err.Error() != "unknown error" {
			t.Errorf("%d is the error %v", n, err)
		}
	}
}

func TestClamp(t *testing.T) {
	for n, want := range map[int]int32{
		0: 0, 5: 5, -5: -5, math.MaxInt32: math.MaxInt32, math.MaxInt32 + 1: math.MaxInt32,
		math.MinInt32 - 1: math.MinInt32, math.MaxInt: math.MaxInt32, math.MinInt: math.MinInt32,
	} {
		if got := clamp(n); got != want {
			t.Errorf("%d becomes %d, want %d", n, got, want)
		}
	}
}

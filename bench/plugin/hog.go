package main

import (
	"fmt"

	"phasm/sdk"
)

// hog computes for a tenth of a second or so.
func hog(r *sdk.Request) sdk.Action {
	x := uint32(1)
	for range 50_000_000 { // xorshift
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return text(r, fmt.Sprintf("%08x", x))
}

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"phasm/sdk"
)

var data = bytes.Repeat([]byte("0123456789abcdef"), 256)

// digest hashes 4 KB in the guest's own code.
func digest(r *sdk.Request) sdk.Action {
	sum := sha256.Sum256(data)
	return text(r, hex.EncodeToString(sum[:]))
}

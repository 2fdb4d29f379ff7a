package meter_test

import (
	"bytes"
	"slices"

	wt "phasm/plugins/internal/wasmtest"
)

// Instructions that wasmtest has no names for.
var (
	loop     = []byte{0x03, 0x40}
	block    = []byte{0x02, 0x40}
	ifTrue   = []byte{0x04, 0x40}
	end      = []byte{0x0b}
	yes      = wt.I32Const(1)
	tableGet = []byte{0x25, 0}
)

func br(label byte) []byte   { return []byte{0x0c, label} }
func brIf(label byte) []byte { return []byte{0x0d, label} }

func repeat(n int, code ...[]byte) []byte { return bytes.Repeat(slices.Concat(code...), n) }

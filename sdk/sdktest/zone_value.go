//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"math"

	"phasm/sdk/abi"
)

// isZoneValue tells whether v is a value, encoded.
func isZoneValue(v string) bool {
	if v == "" {
		return false
	}
	switch abi.ValueKind(v[0]) {
	case abi.ValueText:
		return true
	case abi.ValueInt, abi.ValueFloat:
		return len(v) == 9
	case abi.ValueBool:
		return len(v) == 2 && v[1] <= 1
	}
	return false
}

func isZoneNumber(v string) bool {
	return isZoneValue(v) && (abi.ValueKind(v[0]) == abi.ValueInt || abi.ValueKind(v[0]) == abi.ValueFloat)
}

// zoneSum adds two numbers.
func zoneSum(a, b string) string {
	x, y := binary.LittleEndian.Uint64([]byte(a[1:])), binary.LittleEndian.Uint64([]byte(b[1:]))
	if abi.ValueKind(a[0]) == abi.ValueInt && abi.ValueKind(b[0]) == abi.ValueInt {
		if sum := int64(x) + int64(y); (sum > int64(x)) == (int64(y) > 0) {
			return string(binary.LittleEndian.AppendUint64([]byte{byte(abi.ValueInt)}, uint64(sum)))
		}
	}
	float := func(v string, bits uint64) float64 {
		if abi.ValueKind(v[0]) == abi.ValueInt {
			return float64(int64(bits))
		}
		return math.Float64frombits(bits)
	}
	return string(binary.LittleEndian.AppendUint64([]byte{byte(abi.ValueFloat)}, math.Float64bits(float(a, x)+float(b, y))))
}

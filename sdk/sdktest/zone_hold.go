//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"strings"

	"phasm/sdk/abi"
)

// maxHolds is how many counts an exchange stands in at once.
const maxHolds = 64

// hold is a count that an exchange stands in.
type hold struct {
	zone *zone
	key  string
}

// ZoneHold implements imports.Host.
func (f *fake) ZoneHold(n int32, key string, most int32) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case most < 1:
		return badArgument
	case len(f.exchange.holds) == maxHolds:
		return noMemory
	}
	one, zero, buf := zoneInt(1), zoneInt(0), make([]byte, 9)
	if result := f.ZoneIncr(n, key, one, zero, 0, buf); result < 0 {
		return result
	}
	f.exchange.holds = append(f.exchange.holds, hold{z, strings.Clone(key)})
	count := int32(binary.LittleEndian.Uint64(buf[1:]))
	if count > most {
		f.release(f.exchange, len(f.exchange.holds)-1)
		return int32(abi.Busy)
	}
	return count
}

func zoneInt(n int64) string {
	return string(binary.LittleEndian.AppendUint64([]byte{byte(abi.ValueInt)}, uint64(n)))
}

// End ends an exchange that a test runs phase by phase: the server takes it
// off all counts that it holds. [Host.Do] does it.
func (x *Exchange) End() { x.host.fake.release(x, 0) }

// release takes an exchange off the counts from one on.
func (f *fake) release(x *Exchange, from int) {
	for _, h := range x.holds[from:] {
		e := f.live(h.zone, h.key)
		if e == nil || !isZoneNumber(e.value) {
			continue
		}
		e.value = zoneSum(e.value, zoneInt(-1))
		if int64(binary.LittleEndian.Uint64([]byte(e.value[1:]))) <= 0 {
			h.zone.delete(e)
		}
	}
	x.holds = x.holds[:from]
}

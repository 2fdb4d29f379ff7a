//go:build !wasip1

package sdktest

import "phasm/sdk/abi"

// What entries count, as in the server.
const (
	zoneOverhead = 80
	zoneInline   = 16
	zoneBlock    = 60
	zoneCell     = 64
	zoneInCells  = 4 << 10
)

func zoneCost(bytes int) int {
	switch {
	case bytes > zoneInCells:
		return zoneOverhead + bytes
	case bytes > zoneInline:
		return zoneOverhead + (bytes-zoneInline+zoneBlock-1)/zoneBlock*zoneCell
	}
	return zoneOverhead
}

// textLen is how many bytes of a value count: those of a text.
func textLen(value string) int {
	if value != "" && value[0] == byte(abi.ValueText) {
		return len(value) - 1
	}
	return 0
}

func (e *zoneEntry) cost() int {
	if !e.isList {
		return zoneCost(len(e.key) + textLen(e.value))
	}
	sum := zoneCost(len(e.key)) + zoneCell
	for _, v := range e.list {
		sum += zoneCost(textLen(v))
	}
	return sum
}

// room makes room for n more bytes, but not of keep.
func (z *zone) room(n int, keep *zoneEntry, now int64, evict bool) (forcible, ok bool) {
	for z.used+n > z.size {
		var next *zoneEntry
		for _, e := range z.entries {
			if e.expired(now) && (next == nil || e.expires < next.expires) {
				next = e
			}
		}
		if next == nil && evict {
			for _, e := range z.entries {
				if e != keep && (next == nil || e.used < next.used) {
					next = e
				}
			}
			forcible = forcible || next != nil
		}
		if next == nil {
			return forcible, false
		}
		z.delete(next)
	}
	return forcible, true
}

//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"slices"
	"strings"

	"phasm/sdk/abi"
)

// ZoneFlush implements imports.Host.
func (f *fake) ZoneFlush(n, what, most int32) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case most < 0 || what != abi.ZoneAll && what != abi.ZoneExpired:
		return badArgument
	}
	flushed := int32(0)
	for _, e := range z.inOrder(func(a, b *zoneEntry) int { return int(a.expires - b.expires) }) {
		if what == abi.ZoneAll || e.expired(f.now) && (most == 0 || flushed < most) {
			z.delete(e)
			flushed++
		}
	}
	return flushed
}

func (z *zone) inOrder(compare func(a, b *zoneEntry) int) []*zoneEntry {
	var all []*zoneEntry
	for _, e := range z.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, compare)
	return all
}

// ZoneKeys implements imports.Host: in the order of the alphabet.
func (f *fake) ZoneKeys(n, most int32, buf []byte) int32 {
	z, errno := f.zone(n, false)
	switch {
	case z == nil:
		return errno
	case most < 1 || most > maxZoneKeys:
		return badArgument
	}
	var list []byte
	for _, e := range z.inOrder(func(a, b *zoneEntry) int { return strings.Compare(a.key, b.key) }) {
		if most > 0 && !e.expired(f.now) {
			list = appendItem(list, e.key)
			most--
		}
	}
	return reply(buf, string(list))
}

// ZoneInfo implements imports.Host.
func (f *fake) ZoneInfo(n int32, buf []byte) int32 {
	z, errno := f.zone(n, false)
	if z == nil {
		return errno
	}
	var b []byte
	for _, n := range []int{z.size, z.size - z.used, len(z.entries)} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return reply(buf, string(b))
}

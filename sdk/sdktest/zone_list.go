//go:build !wasip1

package sdktest

import (
	"slices"
	"strings"

	"phasm/sdk/abi"
)

// ZonePush implements imports.Host.
func (f *fake) ZonePush(n int32, key string, end int32, value string) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key) || end != abi.ZoneLeft && end != abi.ZoneRight || !isZoneValue(value):
		return badArgument
	}
	e := f.live(z, key)
	if e != nil && !e.isList {
		return int32(abi.NotList)
	}
	need := zoneCost(textLen(value))
	if e == nil {
		need += zoneCost(len(key)) + zoneCell
		if old := z.entries[key]; old != nil {
			z.delete(old)
		}
	}
	if _, ok := z.room(need, e, f.now, false); !ok {
		return noMemory
	}
	if e == nil {
		e = &zoneEntry{key: strings.Clone(key), isList: true}
		z.entries[e.key] = e
	}
	z.used += need
	at := 0
	if end == abi.ZoneRight {
		at = len(e.list)
	}
	e.list = slices.Insert(e.list, at, strings.Clone(value))
	z.touch(e)
	return int32(len(e.list))
}

// ZonePop implements imports.Host.
func (f *fake) ZonePop(n int32, key string, end int32, buf []byte) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key) || end != abi.ZoneLeft && end != abi.ZoneRight:
		return badArgument
	}
	e := f.live(z, key)
	switch {
	case e == nil:
		return notFound
	case !e.isList:
		return int32(abi.NotList)
	}
	at := 0
	if end == abi.ZoneRight {
		at = len(e.list) - 1
	}
	value := e.list[at]
	z.touch(e)
	if len(value) <= len(buf) {
		z.used -= e.cost()
		e.list = slices.Delete(e.list, at, at+1)
		z.used += e.cost()
		if len(e.list) == 0 {
			z.delete(e)
		}
	}
	return reply(buf, value)
}

// ZoneLen implements imports.Host.
func (f *fake) ZoneLen(n int32, key string) int32 {
	z, errno := f.zone(n, false)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key):
		return badArgument
	}
	e := f.live(z, key)
	switch {
	case e == nil:
		return 0
	case !e.isList:
		return int32(abi.NotList)
	}
	return int32(len(e.list))
}

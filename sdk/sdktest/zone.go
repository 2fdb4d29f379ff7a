//go:build !wasip1

package sdktest

import (
	"strings"

	"phasm/sdk/abi"
)

// Zone grants a zone of that many bytes, at least 64 KiB, as the configuration
// does. It is empty.
func Zone(name string, size int) Grant {
	return func(f *fake) { f.zones = append(f.zones, newZone(name, size, true)) }
}

// ReadZone grants a zone for reading, with what is in it: text under keys.
func ReadZone(name string, content map[string]string) Grant {
	return func(f *fake) {
		z := newZone(name, 1<<20, false)
		for key, text := range content {
			z.put(z.find(key), key, string(rune(abi.ValueText))+text, 0, false)
		}
		f.zones = append(f.zones, z)
	}
}

// zone is one zone of the fake. Values are kept as they cross the border.
type zone struct {
	name    string
	write   bool
	size    int
	used    int
	uses    int // counts, for the order of use
	entries map[string]*zoneEntry
}

type zoneEntry struct {
	key     string
	value   string
	list    []string
	isList  bool
	expires int64 // 0 never
	used    int
}

func newZone(name string, size int, write bool) *zone {
	return &zone{name: name, write: write, size: max(size, 64<<10), entries: map[string]*zoneEntry{}}
}

const (
	maxZoneKey  = 64 << 10
	maxZoneKeys = 1 << 16
)

func (z *zone) find(key string) *zoneEntry { return z.entries[key] }

func (z *zone) touch(e *zoneEntry) {
	z.uses++
	e.used = z.uses
}

func (z *zone) delete(e *zoneEntry) {
	z.used -= e.cost()
	delete(z.entries, e.key)
}

// put sets a key, whose entry is e where it has one.
func (z *zone) put(e *zoneEntry, key, value string, now int64, safe bool) (forcible, ok bool) {
	need := zoneCost(len(key) + textLen(value))
	if need > z.size {
		return false, false
	}
	switch {
	case e == nil:
	case e.isList: // its elements go later
		need -= zoneCost(len(key)) + zoneCell
	default:
		need -= e.cost()
	}
	if forcible, ok = z.room(need, e, now, !safe); !ok {
		return forcible, false
	}
	if e = z.entries[key]; e == nil {
		e = &zoneEntry{key: strings.Clone(key)}
		z.entries[e.key] = e
		z.used += e.cost()
	}
	z.used -= e.cost()
	e.value, e.list, e.isList, e.expires = strings.Clone(value), nil, false, 0
	z.used += e.cost()
	z.touch(e)
	return forcible, true
}

// zone is the zone of that number, or an error.
func (f *fake) zone(n int32, write bool) (*zone, int32) {
	if n < 0 || int(n) >= len(f.zones) {
		return nil, badArgument
	}
	z := f.zones[n]
	if write && !z.write {
		return nil, f.notGranted("zones", z.name)
	}
	return z, done
}

// live is the entry of a key that has not expired.
func (f *fake) live(z *zone, key string) *zoneEntry {
	if e := z.entries[key]; e != nil && !e.expired(f.now) {
		return e
	}
	return nil
}

func isZoneKey(key string) bool { return key != "" && len(key) <= maxZoneKey }

// ZoneOpen implements imports.Host.
func (f *fake) ZoneOpen(name string) int32 {
	for i, z := range f.zones {
		if z.name == name {
			return int32(i)
		}
	}
	return f.notGranted("zones", name)
}

// ZoneGet implements imports.Host.
func (f *fake) ZoneGet(n int32, key string, flags int32, buf []byte) int32 {
	z, errno := f.zone(n, false)
	switch {
	case z == nil:
		return errno
	case flags != 0 && flags != abi.ZoneStale || !isZoneKey(key):
		return badArgument
	}
	e := z.entries[key]
	if e == nil || e.expired(f.now) && flags == 0 {
		return notFound
	}
	if e.isList {
		return int32(abi.IsList)
	}
	z.touch(e)
	value := []byte(e.value)
	if e.expired(f.now) {
		value[0] |= byte(abi.ValueStale)
	}
	return reply(buf, string(value))
}

// ZoneSet implements imports.Host.
func (f *fake) ZoneSet(n, mode int32, key, value string, ttl int64) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case mode < 0 || mode > int32(abi.ZoneReplace) || !isZoneKey(key) || !isZoneValue(value) || ttl < 0:
		return badArgument
	}
	m, live := abi.ZoneMode(mode), f.live(z, key) != nil
	switch {
	case live && (m == abi.ZoneAdd || m == abi.ZoneSafeAdd):
		return int32(abi.Exists)
	case !live && m == abi.ZoneReplace:
		return notFound
	}
	forcible, ok := z.put(z.entries[key], key, value, f.now, m == abi.ZoneSafeSet || m == abi.ZoneSafeAdd)
	if !ok {
		return noMemory
	}
	z.entries[key].expires = f.deadline(ttl)
	if forcible {
		return 1
	}
	return done
}

// ZoneIncr implements imports.Host.
func (f *fake) ZoneIncr(n int32, key, delta, init string, ttl int64, buf []byte) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case delta != "" && !isZoneValue(delta) || init != "" && !isZoneValue(init):
		return badArgument
	case len(buf) < 9:
		return 9
	case !isZoneKey(key) || !isZoneNumber(delta) || init != "" && !isZoneNumber(init) || ttl < 0:
		return badArgument
	}
	if e := f.live(z, key); e != nil {
		if e.isList || !isZoneNumber(e.value) {
			return int32(abi.NotNumber)
		}
		e.value = zoneSum(e.value, delta)
		z.touch(e)
		return reply(buf, e.value)
	}
	if init == "" {
		return notFound
	}
	sum := zoneSum(init, delta)
	if _, ok := z.put(z.entries[key], key, sum, f.now, false); !ok {
		return noMemory
	}
	z.entries[key].expires = f.deadline(ttl)
	return reply(buf, sum)
}

// ZoneCas implements imports.Host.
func (f *fake) ZoneCas(n int32, key, old, new string, ttl int64) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case old != "" && !isZoneValue(old) || new != "" && !isZoneValue(new) || old == "" && new == "" || !isZoneKey(key) || ttl < 0:
		return badArgument
	}
	e := f.live(z, key)
	switch {
	case e == nil && old != "":
		return notFound
	case e != nil && (e.isList || e.value != old):
		return int32(abi.Exists)
	case new == "":
		z.delete(e)
		return done
	}
	if _, ok := z.put(z.entries[key], key, new, f.now, false); !ok {
		return noMemory
	}
	z.entries[key].expires = f.deadline(ttl)
	return done
}

// ZoneDelete implements imports.Host.
func (f *fake) ZoneDelete(n int32, key string) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key):
		return badArgument
	}
	if e := z.entries[key]; e != nil {
		z.delete(e)
	}
	return done
}

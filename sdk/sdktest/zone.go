//go:build !wasip1

package sdktest

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

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

func (z *zone) find(key string) *zoneEntry { return z.entries[key] }

func (z *zone) touch(e *zoneEntry) {
	z.uses++
	e.used = z.uses
}

func (z *zone) delete(e *zoneEntry) {
	z.used -= e.cost()
	delete(z.entries, e.key)
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

func (e *zoneEntry) expired(now int64) bool { return e.expires != 0 && e.expires <= now }

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

// deadline is when a TTL ends.
func (f *fake) deadline(ttl int64) int64 {
	const unit = int64(time.Millisecond)
	switch {
	case ttl == 0:
		return 0
	case ttl > math.MaxInt64-f.now-unit:
		return math.MaxInt64
	}
	return f.now + (ttl+unit-1)/unit*unit
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

// ZoneTtl implements imports.Host.
func (f *fake) ZoneTtl(n int32, key string) int64 {
	z, errno := f.zone(n, false)
	switch {
	case z == nil:
		return int64(errno)
	case !isZoneKey(key):
		return int64(badArgument)
	}
	e := f.live(z, key)
	switch {
	case e == nil:
		return int64(notFound)
	case e.expires == 0:
		return 0
	}
	return e.expires - f.now
}

// ZoneExpire implements imports.Host.
func (f *fake) ZoneExpire(n int32, key string, ttl int64) int32 {
	z, errno := f.zone(n, true)
	switch {
	case z == nil:
		return errno
	case !isZoneKey(key) || ttl < 0:
		return badArgument
	}
	e := f.live(z, key)
	if e == nil {
		return notFound
	}
	e.expires = f.deadline(ttl)
	return done
}

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

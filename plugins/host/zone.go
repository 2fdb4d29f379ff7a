package host

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/zone"
	"phasm/sdk/abi"
)

// Zone is a zone that a plugin may use. Its place among the plugin's zones is
// the number that guests know it by.
type Zone struct {
	Name  string
	Store zone.Store
	Write bool // else it is for reading
}

func zoneOpen(c *Call, s []uint64) {
	name, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	for i := range c.Plugin.zones {
		if c.Plugin.zones[i].Name == string(name) {
			answer(s, i)
			return
		}
	}
	c.notGranted(s, Zones, name)
}

// What a function does with a zone.
const (
	reading = false
	writing = true
)

// zone is the store that the first argument stands for, or nil: then an error
// has been answered.
func (c *Call) zone(s []uint64, write bool) zone.Store {
	n := int(api.DecodeI32(s[0]))
	if n < 0 || n >= len(c.Plugin.zones) {
		fail(s, abi.BadArgument)
		return nil
	}
	z := &c.Plugin.zones[n]
	if write && !z.Write {
		c.notGranted(s, Zones, bytesOf(z.Name))
		return nil
	}
	return z.Store
}

// zoneKey is the zone and the key that a function's first arguments stand for.
// Where it answers nil, the error has been answered.
func (c *Call) zoneKey(s []uint64, write bool) (zone.Store, []byte) {
	z := c.zone(s, write)
	if z == nil {
		return nil, nil
	}
	key, ok := c.view(s[1], s[2])
	if !ok {
		fail(s, abi.BadArgument)
		return nil, nil
	}
	return z, key
}

// zoneValue reads a value from guest memory.
func (c *Call) zoneValue(ptr, length uint64) (zone.Value, bool) {
	b, ok := c.view(ptr, length)
	if !ok {
		return zone.Value{}, false
	}
	return zone.Parse(b)
}

// zoneErrno is the error that a guest gets.
func zoneErrno(err error) abi.Errno {
	switch err {
	case nil:
		return 0
	case zone.ErrNotFound:
		return abi.NotFound
	case zone.ErrExists:
		return abi.Exists
	case zone.ErrNotNumber:
		return abi.NotNumber
	case zone.ErrNotList:
		return abi.NotList
	case zone.ErrIsList:
		return abi.IsList
	case zone.ErrNoMemory:
		return abi.NoMemory
	case zone.ErrBusy:
		return abi.Busy
	case zone.ErrBadArgument:
		return abi.BadArgument
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return abi.Timeout
	case errors.Is(err, context.Canceled):
		return abi.Closed
	}
	return abi.IO
}

// zoneDone answers a number, or an error.
func zoneDone(s []uint64, n int, err error) {
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	answer(s, min(n, math.MaxInt32))
}

// maxScratch is how large a buffer for zones' answers an instance keeps.
const maxScratch = 64 << 10

// replyValue answers a value.
func (c *Call) replyValue(s []uint64, v zone.Value, kind abi.ValueKind, ptr, capacity uint64) {
	buf, ok := c.memory.Read(uint32(ptr), uint32(capacity))
	if !ok || v.Size() > maxReply {
		fail(s, abi.BadArgument)
		return
	}
	c.before(v.Size())
	if v.Size() <= len(buf) {
		v.Append(buf[:0])
		buf[0] |= byte(kind)
	}
	answer(s, v.Size())
}

func zoneGet(c *Call, s []uint64) {
	z, key := c.zoneKey(s, reading)
	if z == nil {
		return
	}
	var v zone.Value
	var err error
	stale := false
	switch api.DecodeI32(s[3]) {
	case 0:
		v, err = z.Get(c, c.textBuffer(), key)
	case abi.ZoneStale:
		v, stale, err = z.GetStale(c, c.textBuffer(), key)
	default:
		err = zone.ErrBadArgument
	}
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	kind := abi.ValueKind(0)
	if stale {
		kind = abi.ValueStale
	}
	c.replyValue(s, v, kind, s[4], s[5])
}

// textBuffer is where a zone puts a text. Memory zones hand larger ones out.
func (c *Call) textBuffer() []byte {
	if c.scratch == nil {
		c.scratch = make([]byte, 0, 4<<10)
	}
	return c.scratch[:0]
}

func zoneSet(c *Call, s []uint64) {
	z := c.zone(s, writing)
	if z == nil {
		return
	}
	mode := api.DecodeI32(s[1])
	key, ok := c.view(s[2], s[3])
	v, ok2 := c.zoneValue(s[4], s[5])
	if !ok || !ok2 || mode < 0 || mode > int32(abi.ZoneReplace) {
		fail(s, abi.BadArgument)
		return
	}
	forcible, err := z.Set(c, zone.Mode(mode), key, v, time.Duration(s[6]))
	n := 0
	if forcible {
		n = 1
	}
	zoneDone(s, n, err)
}

func zoneIncr(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	delta, ok := c.zoneValue(s[3], s[4])
	init, ok2 := c.zoneValue(s[5], s[6])
	buf, ok3 := c.memory.Read(uint32(s[8]), uint32(s[9]))
	if !ok || !ok2 || !ok3 {
		fail(s, abi.BadArgument)
		return
	}
	const size = 9
	if len(buf) < size {
		answer(s, size)
		return
	}
	sum, _, err := z.Incr(c, key, delta, init, time.Duration(s[7]))
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	sum.Append(buf[:0])
	answer(s, size)
}

func zoneCas(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	old, ok := c.zoneValue(s[3], s[4])
	new, ok2 := c.zoneValue(s[5], s[6])
	if !ok || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	zoneDone(s, 0, z.CompareAndSwap(c, key, old, new, time.Duration(s[7])))
}

func zoneDelete(c *Call, s []uint64) {
	if z, key := c.zoneKey(s, writing); z != nil {
		zoneDone(s, 0, z.Delete(c, key))
	}
}

func zoneTTL(c *Call, s []uint64) {
	z, key := c.zoneKey(s, reading)
	if z == nil {
		s[0] = api.EncodeI64(int64(api.DecodeI32(s[0])))
		return
	}
	ttl, err := z.TTL(c, key)
	if err != nil {
		s[0] = api.EncodeI64(int64(zoneErrno(err)))
		return
	}
	s[0] = uint64(ttl)
}

func zoneExpire(c *Call, s []uint64) {
	if z, key := c.zoneKey(s, writing); z != nil {
		zoneDone(s, 0, z.Expire(c, key, time.Duration(s[3])))
	}
}

func zonePush(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	end, ok := zoneEnd(s[3])
	v, ok2 := c.zoneValue(s[4], s[5])
	if !ok || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	n, err := z.Push(c, key, end, v)
	zoneDone(s, n, err)
}

func zonePop(c *Call, s []uint64) {
	z, key := c.zoneKey(s, writing)
	if z == nil {
		return
	}
	end, ok := zoneEnd(s[3])
	buf, ok2 := c.memory.Read(uint32(s[4]), uint32(s[5]))
	if !ok || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	v, err := z.Pop(c, c.textBuffer(), key, end, len(buf))
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	c.replyValue(s, v, 0, s[4], s[5])
}

func zoneEnd(n uint64) (zone.End, bool) { return zone.End(n), uint32(n) <= uint32(abi.ZoneRight) }

func zoneLen(c *Call, s []uint64) {
	if z, key := c.zoneKey(s, reading); z != nil {
		n, err := z.Len(c, key)
		zoneDone(s, n, err)
	}
}

func zoneFlush(c *Call, s []uint64) {
	z := c.zone(s, writing)
	if z == nil {
		return
	}
	what, most := api.DecodeI32(s[1]), api.DecodeI32(s[2])
	n, err := 0, zone.ErrBadArgument
	c.beforeWork()
	switch {
	case most < 0:
	case what == abi.ZoneAll:
		n, err = z.Flush(c)
	case what == abi.ZoneExpired:
		n, err = z.FlushExpired(c, int(most))
	}
	c.Look()
	zoneDone(s, n, err)
}

// maxKeys is how many keys a guest gets at once.
const maxKeys = 1 << 16

func zoneKeys(c *Call, s []uint64) {
	z := c.zone(s, reading)
	if z == nil {
		return
	}
	most := api.DecodeI32(s[1])
	if most < 1 || most > maxKeys {
		fail(s, abi.BadArgument)
		return
	}
	c.beforeWork()
	keys, err := z.Keys(c, c.textBuffer(), int(most))
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	if cap(keys) <= maxScratch {
		c.scratch = keys[:0]
	}
	c.Look()
	c.reply(s, keys, s[2], s[3])
}

func zoneInfo(c *Call, s []uint64) {
	z := c.zone(s, reading)
	if z == nil {
		return
	}
	info, err := z.Info(c)
	if err != nil {
		fail(s, zoneErrno(err))
		return
	}
	b := c.textBuffer()
	for _, n := range [...]int64{info.Capacity, info.Free, info.Entries} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	c.reply(s, b, s[1], s[2])
}

package host

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// Instances begin with the same memory. What a guest draws from a generator of
// its own, seeded before, the others draw as well; what it asks the host for
// nobody else gets.

// randomChunk is how much is drawn from one look at the clock to the next.
const randomChunk = 64 << 10

func randomBytes(c *Call, s []uint64) {
	buf, ok := c.view(s[0], s[1])
	if !ok || len(buf) > maxReply {
		fail(s, abi.BadArgument)
		return
	}
	answer(s, len(buf))
	for len(buf) > randomChunk {
		rand.Read(buf[:randomChunk]) // never fails
		buf = buf[randomChunk:]
		c.pause()
	}
	rand.Read(buf)
}

// uuids is the time of the last version 7 that a plugin was given, in 1/4096
// milliseconds since 1970.
type uuids struct{ last atomic.Int64 }

// tick is the time for the next one: later than that of any before.
func (u *uuids) tick(now time.Time) int64 {
	// In two steps: nanoseconds times 4096 would not fit.
	nano := now.UnixNano()
	at := nano/1e6<<12 | nano%1e6<<12/1e6
	for {
		last := u.last.Load()
		if next := max(at, last+1); u.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// randomUUID makes a UUID (RFC 9562): of version 4, all random, or of version
// 7, whose texts sort by time: the milliseconds and 12 bits of their fraction
// (section 6.2, method 3).
func randomUUID(c *Call, s []uint64) {
	version := api.DecodeI32(s[0])
	var u [16]byte
	switch version {
	case 4:
		rand.Read(u[:])
	case 7:
		rand.Read(u[8:])
		at := uint64(c.Plugin.uuids.tick(time.Now()))
		binary.BigEndian.PutUint64(u[:8], at>>12<<16|at&0xfff)
	default:
		fail(s, abi.BadArgument)
		return
	}
	u[6] = u[6]&0x0f | byte(version)<<4
	u[8] = u[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], u[:4])
	hex.Encode(text[9:13], u[4:6])
	hex.Encode(text[14:18], u[6:8])
	hex.Encode(text[19:23], u[8:10])
	hex.Encode(text[24:], u[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	c.reply(s, text[:], s[1], s[2])
}

//go:build !wasip1

package sdktest

import (
	"crypto/rand"
	"fmt"
)

// RandomBytes implements imports.Host.
func (f *fake) RandomBytes(buf []byte) int32 {
	rand.Read(buf)
	return int32(len(buf))
}

// Uuid implements imports.Host. The time in version 7 is the fake's.
func (f *fake) Uuid(version int32, buf []byte) int32 {
	var u [16]byte
	rand.Read(u[:])
	switch version {
	case 4:
	case 7:
		// As on the server: milliseconds, 12 bits of their fraction, and never
		// the same twice.
		at := max(f.now/1e6<<12|f.now%1e6<<12/1e6, f.lastUUID+1)
		f.lastUUID = at
		for i, shift := range []int{52, 44, 36, 28, 20, 12} {
			u[i] = byte(at >> shift)
		}
		u[6], u[7] = byte(at>>8), byte(at)
	default:
		return badArgument
	}
	u[6] = u[6]&0x0f | byte(version)<<4
	u[8] = u[8]&0x3f | 0x80
	return reply(buf, fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}

package sdk

import "phasm/sdk/internal/imports"

// Random fills b with random bytes fit for keys (resty.random), which no other
// instance gets, as crypto/rand does. Package math/rand is another matter:
// instances begin with the same memory, and with it what it would draw next.
func Random(b []byte) { imports.RandomBytes(b) }

// UUID is a new UUID of version 4 (RFC 9562): all random.
func UUID() string { return uuid(4) }

// UUIDv7 is a new UUID of version 7: texts that sort by the time at which they
// were made, strictly within the plugin.
func UUIDv7() string { return uuid(7) }

func uuid(version int32) string {
	var b [36]byte
	imports.Uuid(version, b[:])
	return string(b[:])
}

//go:build !wasip1

package sdktest

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"hash/crc32"
)

// algorithm is the hash function of that name, or nil.
func algorithm(name string) func() hash.Hash {
	return map[string]func() hash.Hash{
		"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
		"crc32": func() hash.Hash { return crc32.NewIEEE() },
	}[name]
}

// Hash implements imports.Host.
func (f *fake) Hash(name, data string, buf []byte) int32 {
	make := algorithm(name)
	if make == nil {
		return badArgument
	}
	h := make()
	h.Write([]byte(data))
	return reply(buf, string(h.Sum(nil)))
}

// Hmac implements imports.Host.
func (f *fake) Hmac(name, key, data string, buf []byte) int32 {
	make := algorithm(name)
	if make == nil || name == "crc32" {
		return badArgument
	}
	h := hmac.New(make, []byte(key))
	h.Write([]byte(data))
	return reply(buf, string(h.Sum(nil)))
}

// EqualConstantTime implements imports.Host.
func (f *fake) EqualConstantTime(a, b string) int32 {
	return int32(subtle.ConstantTimeCompare([]byte(a), []byte(b)))
}

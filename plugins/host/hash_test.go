package host_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"strings"
	"testing"
)

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
	"crc32": func() hash.Hash { return crc32.NewIEEE() },
}

func TestHash(t *testing.T) {
	g := newGuest(t)
	for name, want := range map[string]string{ // of "abc"
		"md5":    "900150983cd24fb0d6963f7d28e17f72",
		"sha1":   "a9993e364706816aba3e25717850c26c9cd0d89d",
		"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"crc32":  "352441c2",
	} {
		bytes, _ := hex.DecodeString(want)
		g.wantText(string(bytes), "hash", name, "abc")
	}
	for name, make := range hashes {
		for _, n := range []int{0, 1, 55, 56, 64, 111, 112, 128, 1000, 64 << 10, 64<<10 + 1, 200 << 10} {
			data := strings.Repeat("d", n)
			h := make()
			h.Write([]byte(data))
			g.wantText(string(h.Sum(nil)), "hash", name, data)
			if name == "crc32" {
				continue
			}
			for _, key := range []string{"", "k", strings.Repeat("k", 64), strings.Repeat("k", 65), strings.Repeat("k", 129), data} {
				h := hmac.New(make, []byte(key))
				h.Write([]byte(data))
				g.wantText(string(h.Sum(nil)), "hmac", name, key, data)
			}
		}
	}
	for _, name := range []string{"", "MD5", "sha-256", "sha224", "md5 ", strings.Repeat("x", 100_000)} {
		g.want(badArgument, "hash", name, "abc")
		g.want(badArgument, "hmac", name, "key", "abc")
	}
	g.want(badArgument, "hmac", "crc32", "key", "abc")
}

func TestEqualConstantTime(t *testing.T) {
	g := newGuest(t)
	long := strings.Repeat("x", 64<<10)
	for _, pair := range [][2]string{{"", ""}, {"a", "a"}, {"", "a"}, {"ab", "ac"}, {"bb", "ab"}, {long, long}, {long + long, long + long},
		{long + "a" + long, long + "b" + long}, {"a" + long + long, "b" + long + long}, {long + long + "a", long + long + "b"}} {
		equal := int64(0)
		if pair[0] == pair[1] {
			equal = 1
		}
		g.want(equal, "equal_constant_time", pair[0], pair[1])
	}
}

package host

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"hash/crc32"

	"phasm/sdk/abi"
)

// hashing holds a call's hash functions: they are made when they are first
// asked for and used again, so that hashing allocates nothing.
type hashing struct {
	states [len(algorithms)]hash.Hash
	block  [maxBlock]byte // the key of an hmac, padded
	sum    [maxSum]byte
}

const (
	maxBlock = 128 // bytes, those of SHA-512
	maxSum   = 64
)

// algorithms are the hash functions by name.
var algorithms = [...]struct {
	name string
	make func() hash.Hash
}{
	{"md5", md5.New},
	{"sha1", sha1.New},
	{"sha256", sha256.New},
	{"sha384", sha512.New384},
	{"sha512", sha512.New},
	{"crc32", func() hash.Hash { return crc32.NewIEEE() }},
}

// crc32Index is where crc32 stands: what is a checksum makes no hmac.
const crc32Index = len(algorithms) - 1

// algorithm is the hash function of that name, or nil, ready for its first byte.
func (c *Call) algorithm(name []byte) (h hash.Hash, index int) {
	for i := range algorithms {
		if algorithms[i].name != string(name) {
			continue
		}
		if c.hashing.states[i] == nil {
			c.hashing.states[i] = algorithms[i].make()
		}
		c.hashing.states[i].Reset()
		return c.hashing.states[i], i
	}
	return nil, 0
}

// hashChunk is how much is worked on from one look at the clock to the next:
// some 100 µs with the slowest of them.
const hashChunk = 64 << 10

// absorb hashes data.
func (c *Call) absorb(h hash.Hash, data []byte) {
	for len(data) > hashChunk {
		h.Write(data[:hashChunk])
		data = data[hashChunk:]
		c.pause()
	}
	h.Write(data)
}

func hashSum(c *Call, s []uint64) {
	name, ok1 := c.view(s[0], s[1])
	data, ok2 := c.view(s[2], s[3])
	if !ok1 || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	h, _ := c.algorithm(name)
	if h == nil {
		fail(s, abi.BadArgument)
		return
	}
	c.absorb(h, data)
	c.reply(s, h.Sum(c.hashing.sum[:0]), s[4], s[5])
	h.Reset()
}

// hashHMAC is HMAC (RFC 2104), here because crypto/hmac makes two new states
// for each key.
func hashHMAC(c *Call, s []uint64) {
	name, ok1 := c.view(s[0], s[1])
	key, ok2 := c.view(s[2], s[3])
	data, ok3 := c.view(s[4], s[5])
	if !ok1 || !ok2 || !ok3 {
		fail(s, abi.BadArgument)
		return
	}
	h, index := c.algorithm(name)
	if h == nil || index == crc32Index {
		fail(s, abi.BadArgument)
		return
	}
	block := c.hashing.block[:h.BlockSize()]
	if len(key) > len(block) {
		c.absorb(h, key)
		key = h.Sum(c.hashing.sum[:0])
		h.Reset()
	}
	clear(block)
	copy(block, key)
	pad(block, 0x36)
	h.Write(block)
	c.absorb(h, data)
	inner := h.Sum(c.hashing.sum[:0])
	pad(block, 0x36^0x5c)
	h.Reset()
	h.Write(block)
	h.Write(inner)
	c.reply(s, h.Sum(c.hashing.sum[:0]), s[6], s[7])
	clear(block)
	h.Reset()
}

func pad(block []byte, with byte) {
	for i := range block {
		block[i] ^= with
	}
}

// hashEqual takes a time that depends on the lengths only.
func hashEqual(c *Call, s []uint64) {
	a, ok1 := c.view(s[0], s[1])
	b, ok2 := c.view(s[2], s[3])
	if !ok1 || !ok2 {
		fail(s, abi.BadArgument)
		return
	}
	if len(a) != len(b) {
		answer(s, 0)
		return
	}
	equal := 1
	for len(a) > hashChunk {
		equal &= subtle.ConstantTimeCompare(a[:hashChunk], b[:hashChunk])
		a, b = a[hashChunk:], b[hashChunk:]
		c.pause()
	}
	answer(s, equal&subtle.ConstantTimeCompare(a, b))
}

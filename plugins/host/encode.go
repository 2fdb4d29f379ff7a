package host

import (
	"bytes"
	"encoding/base64"

	"github.com/tetratelabs/wazero/api"

	"phasm/sdk/abi"
)

// encodings are those of base64 (RFC 4648) by their numbers.
var encodings = [...]*base64.Encoding{
	abi.Base64:       base64.StdEncoding,
	abi.Base64Raw:    base64.RawStdEncoding,
	abi.Base64URL:    base64.URLEncoding,
	abi.Base64RawURL: base64.RawURLEncoding,
}

// encodeChunk is how much is worked on from one look at the clock to the next:
// a multiple of 3, so that no padding comes in between.
const encodeChunk = 48 << 10

func base64Encode(c *Call, s []uint64) {
	kind := api.DecodeI32(s[0])
	data, ok := c.view(s[1], s[2])
	if !ok || kind < 0 || int(kind) >= len(encodings) || len(data) > maxReply/2 {
		fail(s, abi.BadArgument)
		return
	}
	e := encodings[kind]
	c.draft = c.draft[:0]
	for len(data) > encodeChunk {
		c.draft = e.AppendEncode(c.draft, data[:encodeChunk])
		data = data[encodeChunk:]
		c.pause()
	}
	c.draft = e.AppendEncode(c.draft, data)
	c.replyDraft(s, s[3], s[4])
}

// decodeChunk is what encodeChunk is for encoded text: a multiple of 4.
const decodeChunk = 64 << 10

// base64Decode is strict: no line breaks, no bits that are left over.
func base64Decode(c *Call, s []uint64) {
	kind := api.DecodeI32(s[0])
	data, ok := c.view(s[1], s[2])
	if !ok || kind < 0 || int(kind) >= len(encodings) {
		fail(s, abi.BadArgument)
		return
	}
	e := encodings[kind].Strict()
	c.draft = c.draft[:0]
	for len(data) > decodeChunk && ok {
		ok = bytes.IndexByte(data[:decodeChunk], '=') < 0 && c.decode(e, data[:decodeChunk])
		data = data[decodeChunk:]
		c.pause()
	}
	if !ok || !c.decode(e, data) {
		c.forget()
		fail(s, abi.BadArgument)
		return
	}
	c.replyDraft(s, s[3], s[4])
}

// decode adds what a text stands for to the draft. Package base64 passes over
// line breaks; phasm does not.
func (c *Call) decode(e *base64.Encoding, text []byte) (ok bool) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		return false
	}
	var err error
	c.draft, err = e.AppendDecode(c.draft, text)
	return err == nil
}

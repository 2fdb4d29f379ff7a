package host

import "github.com/tetratelabs/wazero/api"

func responseChunk(c *Call, s []uint64) {
	c.reply(s, c.Exchange.Chunk, s[0], s[1])
}

func responseSetChunk(c *Call, s []uint64) {
	b, ok := c.view(s[0], s[1])
	if ok {
		c.Exchange.ReplaceChunk(b)
	}
	done(s, ok)
}

func responseReplaceChunk(c *Call, s []uint64) {
	n, errno := c.replace(c.Exchange.Chunk, s[0], s[1:3], s[3])
	if errno != 0 {
		fail(s, errno)
		return
	}
	if n > 0 {
		c.Exchange.ReplaceChunk(c.draft)
	}
	s[0] = api.EncodeI32(n)
}

func responseEOF(c *Call, s []uint64) {
	s[0] = 0
	if c.Exchange.EOF {
		s[0] = 1
	}
}

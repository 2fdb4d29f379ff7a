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
	x := c.Exchange
	draft, n, errno := c.replace(x.spare[:0], x.Chunk, s[0], s[1:3], s[3])
	x.spare = draft
	switch {
	case errno != 0:
		x.spare = kept(draft)
		fail(s, errno)
		return
	case n > 0:
		x.spare, x.chunk = x.chunk, draft
		x.Chunk = draft
	}
	s[0] = api.EncodeI32(n)
}

func responseEOF(c *Call, s []uint64) {
	s[0] = 0
	if c.Exchange.EOF {
		s[0] = 1
	}
}

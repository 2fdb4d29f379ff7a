package host

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

func responseEOF(c *Call, s []uint64) {
	s[0] = 0
	if c.Exchange.EOF {
		s[0] = 1
	}
}

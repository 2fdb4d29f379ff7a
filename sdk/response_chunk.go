package sdk

import "phasm/sdk/internal/imports"

// Chunk is the part of the response's body that a call of the body filter is
// about. It works in that phase only.
type Chunk struct {
	buf []byte // of Bytes; apart from scratch, because its answer stays until the handler returns
}

var chunk Chunk

// Bytes are the chunk's bytes (ngx.arg[1]); there may be none. They are a copy that is good
// until the handler returns or Bytes is called again; changing them changes
// nothing but the copy.
func (c *Chunk) Bytes() []byte {
	b, err := c.Append(c.buf[:0])
	if err != nil {
		return nil
	}
	if cap(b) <= maxScratch {
		c.buf = b
	}
	return b
}

// Append appends the chunk to dst.
func (c *Chunk) Append(dst []byte) ([]byte, error) {
	n := imports.ResponseChunk(free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ResponseChunk(free(dst))
	}
	return taken(dst, n)
}

// Len is how many bytes the chunk has.
func (c *Chunk) Len() int { return int(max(imports.ResponseChunk(nil), 0)) }

// Set puts a copy of p in the chunk's place. The server takes care of
// Content-Length.
func (c *Chunk) Set(p []byte) error { return c.SetString(stringOf(p)) }

// SetString is [Chunk.Set] for a string.
func (c *Chunk) SetString(s string) error { return errnoOf(imports.ResponseSetChunk(s)) }

// Replace replaces the matches in the chunk, at most max or, where that is
// negative, all, by a template as [Regexp.Replace] has it, and answers how many
// they were (nginx: sub_filter). The chunk stays with the server, which takes a
// fraction of the time of [Chunk.Bytes] and [Chunk.Set]. A match that two chunks
// share is none.
func (c *Chunk) Replace(re *Regexp, template string, max int) (int, error) {
	n := imports.ResponseReplaceChunk(re.number(), template, clamp(max))
	if n < 0 {
		return 0, errnoOf(n)
	}
	return int(n), nil
}

// Drop keeps the chunk from being sent. The filter goes on being called for
// the following ones.
func (c *Chunk) Drop() error { return errnoOf(imports.ResponseSetChunk("")) }

// EOF tells whether this is the last chunk (ngx.arg[2]). It may be empty; what
// is put in its place is still sent.
func (c *Chunk) EOF() bool { return imports.ResponseEOF() == 1 }

package host

// replyDraft answers what is in c.draft: where an answer is made that may
// reach into the arguments it is made from, or turn out to be none. It keeps no
// more of the memory than is worth keeping.
//
// Should the guest's buffer be too small, then the work is done a second time
// for a larger one. To keep the answer for it would take memory for each
// instance, and a look whether it is the same question.
func (c *Call) replyDraft(s []uint64, ptr, capacity uint64) {
	c.reply(s, c.draft, ptr, capacity)
	c.forget()
}

// forget gives back large drafts.
func (c *Call) forget() {
	const keep = 64 << 10
	if cap(c.draft) > keep {
		c.draft = nil
	}
	if cap(c.matching.parts) > keep/32 {
		c.matching.parts = nil
	}
}

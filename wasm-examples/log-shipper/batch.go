package main

// batch holds lines until they are sent. It is bounded: where the collector is
// slower than the requests, lines are dropped.
type batch struct {
	text  []byte
	since int64 // when the first line came
}

const (
	fullBatch = 48 << 10 // bytes with which a batch is sent, whatever its age
	maxBatch  = 64 << 10 // bytes that it may hold: what a request carries that nobody waits for
)

// add adds a line, which appends itself. It tells whether there was room.
func (b *batch) add(now int64, line func([]byte) []byte) bool {
	before := len(b.text)
	b.text = append(line(b.text), '\n')
	if len(b.text) > maxBatch {
		b.text = b.text[:before]
		return false
	}
	if before == 0 {
		b.since = now
	}
	return true
}

// due tells whether it is time to send the batch.
func (b *batch) due(now, age int64) bool {
	return len(b.text) >= fullBatch || len(b.text) > 0 && now-b.since >= age
}

func (b *batch) bytes() []byte { return b.text }
func (b *batch) empty() bool   { return len(b.text) == 0 }
func (b *batch) clear()        { b.text = b.text[:0] }

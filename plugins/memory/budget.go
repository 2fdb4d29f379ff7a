package memory

import "sync/atomic"

// Budget is how much linear memory all plugins of the process may have
// together. It is safe for concurrent use.
type Budget struct {
	limit atomic.Int64
	used  atomic.Int64
}

// NewBudget makes a budget of limit bytes, of which none are used.
func NewBudget(limit int64) *Budget {
	b := &Budget{}
	b.SetLimit(limit)
	return b
}

// Limit is how many bytes there are.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// SetLimit changes how many bytes there are. What is used beyond that stays
// so, but nothing is added to it.
func (b *Budget) SetLimit(limit int64) { b.limit.Store(limit) }

// Used is how many bytes memories have at the moment.
func (b *Budget) Used() int64 { return b.used.Load() }

// take uses n more bytes, all or none of them.
func (b *Budget) take(n uint64) bool {
	for {
		used := b.used.Load()
		if int64(n) > b.limit.Load()-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+int64(n)) {
			return true
		}
	}
}

// give returns n bytes that were taken.
func (b *Budget) give(n uint64) { b.used.Add(-int64(n)) }

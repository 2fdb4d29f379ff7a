package zone

import "fmt"

// check goes through all that a zone holds. Each cell must belong to exactly
// one thing, and everything must add up.
func (z *Memory) check() (problems []string) {
	used := int64(0)
	for i := range z.shards {
		s := &z.shards[i]
		s.mu.Lock()
		for _, p := range s.check() {
			problems = append(problems, fmt.Sprintf("shard %d: %s", i, p))
		}
		used += s.bytes
		s.mu.Unlock()
	}
	if got := z.used.Load(); got != used {
		problems = append(problems, fmt.Sprintf("%d bytes are used, the shards count %d", got, used))
	}
	return problems
}

func (s *shard) check() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	owner := make([]string, s.fresh)
	own := func(id uint32, what string) bool {
		if id == 0 || id >= s.fresh {
			bad("%s is cell %d of %d", what, id, s.fresh)
			return false
		}
		if owner[id] != "" {
			bad("cell %d is %s and %s", id, owner[id], what)
			return false
		}
		owner[id] = what
		return true
	}
	var bytes, dead int64
	large := 0
	ownParts := func(e *entry) {
		if e.form&largeForm != 0 {
			large++
			if len(s.large[e.more]) != e.keySize()+int(e.size) {
				bad("a large text has %d bytes, not %d", len(s.large[e.more]), e.keySize()+int(e.size))
			}
			return
		}
		n := 0
		for id := e.more; id != 0 && own(id, "a block"); id = s.block(id).next {
			n++
		}
		if want := max(0, e.keySize()+int(e.size)-inlineSize+blockSize-1) / blockSize; n != want {
			bad("an entry of %d and %d bytes has %d blocks, not %d", e.keySize(), e.size, n, want)
		}
	}
	ownList := func(e *entry) (sum int64) {
		id := uint32(e.number)
		if !own(id, "a head") {
			return 0
		}
		h := s.head(id)
		n, before := int64(0), uint32(0)
		for at := h.left; at != 0 && own(at, "an element"); at = s.entry(at).older {
			x := s.entry(at)
			if x.newer != before {
				bad("an element's neighbour is %d, not %d", x.newer, before)
			}
			ownParts(x)
			sum += x.cost()
			n, before = n+1, at
		}
		if n != h.count || sum != h.bytes || before != h.right {
			bad("a list of %d elements, %d bytes, up to %d counts %d, %d, up to %d", n, sum, before, h.count, h.bytes, h.right)
		}
		return sum
	}

	live, expiring, newer := int64(0), 0, uint32(0)
	for id := s.newest; id != 0 && own(id, "an entry"); id = s.entry(id).older {
		e := s.entry(id)
		if e.newer != newer {
			bad("an entry's neighbour is %d, not %d", e.newer, newer)
		}
		newer = id
		live++
		bytes += e.cost()
		ownParts(e)
		if e.kind == list {
			bytes += ownList(e)
		}
		key := s.read(nil, e, 0, e.keySize())
		if found, _ := s.find(e.hash, key); found != id {
			bad("key %.20q leads to %d, not %d", key, found, id)
		}
		if (e.expires != 0) != (e.due != 0) {
			bad("an entry expires at %d, in place %d", e.expires, e.due)
		}
		if e.due != 0 {
			expiring++
			if d := s.due[e.due-1]; d.id != id || d.at != e.expires {
				bad("an entry that expires at %d is due as %v", e.expires, d)
			}
		}
	}
	if s.oldest != newer || live != s.entries || expiring != len(s.due) {
		bad("%d entries up to %d, of which %d expire; counted are %d up to %d, of which %d expire", live, newer, expiring, s.entries, s.oldest, len(s.due))
	}
	for i := range s.due {
		if i > 0 && s.due[i].at < s.due[(i-1)/branches].at {
			bad("the heap is out of order at %d", i)
		}
	}
	if len(s.due) > 0 && s.soonest.Load() != s.due[0].at {
		bad("the soonest is %d, not %d", s.soonest.Load(), s.due[0].at)
	}
	for id := s.garbage; id != 0 && own(id, "garbage"); id = s.entry(id).older {
		e := s.entry(id)
		dead += e.cost()
		ownParts(e)
		if e.kind == list {
			dead += ownList(e)
		}
	}
	if bytes+dead != s.bytes || dead != s.dead {
		bad("%d bytes and %d of garbage, counted are %d together, of which %d garbage", bytes, dead, s.bytes, s.dead)
	}
	for id := s.free; id != 0 && own(id, "free"); id = s.block(id).next {
	}
	for id := uint32(1); id < s.fresh; id++ {
		if owner[id] == "" {
			bad("cell %d is lost", id)
			break
		}
	}
	if large+len(s.freeLarge) != len(s.large) {
		bad("%d large texts and %d free places are not %d", large, len(s.freeLarge), len(s.large))
	}
	return problems
}

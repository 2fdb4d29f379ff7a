package zone

import "math"

// due is an entry that expires, in a heap of four branches: the root is the
// next to expire. An entry that lives longer than all others, which most new
// ones do, costs one comparison.
type due struct {
	at int64
	id uint32
}

const branches = 4

// expireAt sets when an entry expires; 0 is never.
func (s *shard) expireAt(id uint32, e *entry, at int64) {
	if at == e.expires {
		return
	}
	if at == 0 {
		s.cancel(e)
		return
	}
	if e.due == 0 {
		s.due = append(s.due, due{})
		e.due = uint32(len(s.due))
	}
	e.expires = at
	s.settle(int(e.due)-1, due{at, id})
}

// cancel lets an entry live forever.
func (s *shard) cancel(e *entry) {
	if e.due == 0 {
		return
	}
	at, last := int(e.due)-1, len(s.due)-1
	moved := s.due[last]
	s.due = s.due[:last]
	e.due, e.expires = 0, 0
	if at < last {
		s.settle(at, moved)
	}
	s.noteSoonest()
}

// settle puts d where it belongs, beginning at a place that is free.
func (s *shard) settle(at int, d due) {
	for at > 0 {
		up := (at - 1) / branches
		if s.due[up].at <= d.at {
			break
		}
		s.place(at, s.due[up])
		at = up
	}
	for {
		first := at*branches + 1
		if first >= len(s.due) {
			break
		}
		least := first
		for i := first + 1; i < min(first+branches, len(s.due)); i++ {
			if s.due[i].at < s.due[least].at {
				least = i
			}
		}
		if s.due[least].at >= d.at {
			break
		}
		s.place(at, s.due[least])
		at = least
	}
	s.place(at, d)
	s.noteSoonest()
}

func (s *shard) place(at int, d due) {
	s.due[at] = d
	s.entry(d.id).due = uint32(at + 1)
}

func (s *shard) noteSoonest() {
	soonest := int64(math.MaxInt64)
	if len(s.due) > 0 {
		soonest = s.due[0].at
	}
	if s.soonest.Load() != soonest {
		s.soonest.Store(soonest)
	}
}

package metric

import "sync"

// sum is a series that is read when metrics are written: what the functions
// of all living registries answer, added up.
type sum struct {
	mu    sync.Mutex
	of    map[*Registry]func() float64
	ended float64 // what closed registries have counted
}

func (s *sum) set(r *Registry, value func() float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[r] = value
}

func (s *sum) value() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.ended
	for _, value := range s.of {
		total += value()
	}
	return total
}

// end forgets a registry's function. What it has counted stays.
func (s *sum) end(r *Registry, counts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value := s.of[r]; value != nil && counts {
		s.ended += value()
	}
	delete(s.of, r)
}

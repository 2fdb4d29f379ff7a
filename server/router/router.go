package router

import (
	"fmt"
	"slices"
)

// A Router maps patterns to values. It is built with Add and from then on only
// read: once the last pattern is in, any number of goroutines may use it.
type Router[T any] struct {
	patterns []*pattern
	values   []T
	anyHost  forest
	byHost   map[string]forest // under the name that appendHost writes
}

// New returns a Router without patterns, which matches nothing.
func New[T any]() *Router[T] {
	return &Router[T]{byHost: make(map[string]forest)}
}

// Add registers a value for the requests that match pattern. It fails if the
// pattern is malformed, can never match, or clashes with one added before; the
// message then names both.
func (r *Router[T]) Add(pattern string, value T) error {
	p, err := parse(pattern)
	if err != nil {
		return fmt.Errorf("cannot parse pattern %q: %w", pattern, err)
	}
	for _, q := range r.patterns {
		if err := clash(p, q); err != nil {
			return err
		}
	}
	p.index = len(r.patterns)
	r.patterns = append(r.patterns, p)
	r.values = append(r.values, value)
	if p.host == "" {
		r.anyHost = r.anyHost.add(p)
	} else {
		r.byHost[p.host] = r.byHost[p.host].add(p)
	}
	return nil
}

// Match returns the value of the pattern that matches, and whether one does. It
// resets params and fills it with the wildcards' values, which alias path;
// params may be nil. It allocates nothing once params has grown.
//
// The path must be canonical (decoded, dot segments resolved, slashes merged)
// and begin with a slash: all others, "*" among them, match nothing. The host is
// compared without regard to case, port and trailing dot.
//
// As in ServeMux, a subtree does not match a path that Redirect wants elsewhere:
// with / and /tree/ registered, /tree is not found but redirected.
func (r *Router[T]) Match(method, host, path []byte, params *Params) (value T, found bool) {
	s := search{params: params}
	s.params.Reset()
	p := r.find(&s, method, host, path)
	if !s.found(p) {
		s.params.Reset()
		return value, false
	}
	s.params.setNames(p.names)
	return r.values[p.index], true
}

// Redirect tells whether the request should be redirected to path + "/": it
// should when that is the root of a registered subtree (or a pattern in {$}) and
// path itself matches nothing but, at most, a larger subtree. It is to be asked
// when Match has found nothing.
func (r *Router[T]) Redirect(method, host, path []byte) bool {
	var s search
	p := r.find(&s, method, host, path)
	return s.slash && !s.found(p)
}

// Allowed returns the methods for which path, or path + "/", would match,
// sorted, HEAD along with GET: the Allow header of a 405 answer. An empty list
// means 404. It is to be asked when Match has found nothing, and allocates.
func (r *Router[T]) Allowed(host, path []byte) []string {
	if !routable(path) {
		return nil
	}
	var methods []string
	for _, t := range slices.Concat(r.forest(host), r.anyHost) {
		var s search
		if t.method == "" || s.walk(t.root, path) == nil && !s.slash {
			continue
		}
		methods = append(methods, t.method)
		if t.method == "GET" {
			methods = append(methods, "HEAD")
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// find returns the most specific pattern for the request, or nil.
func (r *Router[T]) find(s *search, method, host, path []byte) *pattern {
	if !routable(path) {
		return nil
	}
	if p := r.forest(host).find(s, method, path); p != nil {
		return p
	}
	return r.anyHost.find(s, method, path)
}

// forest returns the trees of the patterns for that host, nil if it has none.
func (r *Router[T]) forest(host []byte) forest {
	if len(r.byHost) == 0 || len(host) > maxHost {
		return nil
	}
	var buf [maxHost]byte
	return r.byHost[string(appendHost(buf[:0], host))]
}

// routable tells whether path is one that a pattern can match at all.
func routable(path []byte) bool { return len(path) > 0 && path[0] == '/' }

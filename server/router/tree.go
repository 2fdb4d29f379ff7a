package router

import "bytes"

// The patterns form trees: one per host and method (no host and no method are
// trees of their own), each branching on one segment after the other. For
//
//	/a/b/z
//	/a/b/{$}
//	/a/{x}/c
//	/a/{rest...}
//
// the tree is
//
//	a ─┬─ b ─┬─ z      /a/b/z
//	   │     └─ {$}    /a/b/{$}
//	   ├─ {} ── c      /a/{x}/c
//	   └─ {...}        /a/{rest...}
//
// A search goes down from the root. At each node it tries the literal branch
// first, then the wildcard's, then the rest, and goes back up when a branch
// comes to nothing. So /a/b/z is found at once; /a/b/c fails below the literal b
// and succeeds below {}; /a/b/d fails there too and falls back to the rest of a.
//
// The first success is the most specific pattern. Of two patterns that match,
// one is more specific, because those that clash never get into a tree; and it
// cannot be the one with the more general segment where the two first differ.
//
// Between trees the order is as fixed: the host's own before those for any
// host, and within a host the method's own, then for HEAD that of GET, then
// that for any method.
//
// A search visits each node at most once, since one path leads to it: the number
// of patterns bounds its cost, and for all but odd sets the depth of the path is
// the cost.
//
// # Redirects
//
// With /tree/ registered, /tree is to be redirected there unless a pattern
// matches /tree itself. One that merely has it in its subtree, like /, does not
// count. The search notes on its way when the path ends at a node where a slash
// would go on; whether that is to be followed, found says. It cannot miss the
// node: if both / and /tree/ are in one tree then /tree/ is the more specific
// one, and tried first.

// A node is one step of a tree.
type node struct {
	literals branches
	wildcard *node
	here     *pattern // ends with this segment
	end      *pattern // ends with the slash after it
	rest     *pattern // goes on with whatever comes after that slash
}

// insert adds p, of which the given segments are still to go, below n.
func (n *node) insert(p *pattern, segments []segment) {
	if len(segments) == 0 {
		n.here = p
		return
	}
	s := segments[0]
	switch s.kind {
	case literal:
		child := n.literals.find([]byte(s.text))
		if child == nil {
			child = &node{}
			n.literals.add(s.text, child)
		}
		child.insert(p, segments[1:])
	case wildcard:
		if n.wildcard == nil {
			n.wildcard = &node{}
		}
		n.wildcard.insert(p, segments[1:])
	case end:
		n.end = p
	case rest:
		n.rest = p
	}
}

// A search is one walk through the trees.
type search struct {
	params *Params // filled if not nil
	slash  bool    // a slash more would have matched
}

// found tells whether p, the outcome of the search, stands. A subtree does not
// if the path wants a redirect to a subtree's root below it.
func (s *search) found(p *pattern) bool {
	return p != nil && !(s.slash && p.hasRest())
}

// walk returns the most specific pattern below n for path, or nil. The path is
// what is left of it: empty or beginning with a slash.
func (s *search) walk(n *node, path []byte) *pattern {
	if len(path) <= 1 {
		return s.finish(n, path)
	}
	name, left := path[1:], []byte(nil)
	if i := bytes.IndexByte(name, '/'); i >= 0 {
		name, left = name[:i], name[i:]
	}
	if child := n.literals.find(name); child != nil {
		if p := s.walk(child, left); p != nil {
			return p
		}
	}
	if n.wildcard != nil && len(name) > 0 {
		s.params.push(name)
		if p := s.walk(n.wildcard, left); p != nil {
			return p
		}
		s.params.pop()
	}
	if n.rest != nil {
		s.params.setRest(path[1:], len(n.rest.names) > 0)
	}
	return n.rest
}

// finish is walk at the end of the path, which has a slash left or nothing.
func (s *search) finish(n *node, path []byte) *pattern {
	if len(path) == 0 {
		s.slash = s.slash || n.end != nil || n.rest != nil
		return n.here
	}
	if n.end != nil {
		return n.end
	}
	if n.rest != nil {
		s.params.setRest(path[1:], len(n.rest.names) > 0)
	}
	return n.rest
}

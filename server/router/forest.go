package router

// A forest has the trees for one host, or for any host: one per method.
type forest []tree

type tree struct {
	method string // "" for any
	root   *node
}

// add inserts p into the tree of its method, which it plants if need be.
func (f forest) add(p *pattern) forest {
	root := f.root([]byte(p.method))
	if root == nil {
		root = &node{}
		f = append(f, tree{p.method, root})
	}
	root.insert(p, p.segments)
	return f
}

// root returns the tree planted for exactly that method, or nil.
func (f forest) root(method []byte) *node {
	for i := range f {
		if f[i].method == string(method) {
			return f[i].root
		}
	}
	return nil
}

// find searches the trees that a method leads to, the most specific first.
func (f forest) find(s *search, method, path []byte) *pattern {
	if root := f.root(method); root != nil {
		if p := s.walk(root, path); p != nil {
			return p
		}
	}
	if string(method) == "HEAD" {
		if root := f.root([]byte("GET")); root != nil {
			if p := s.walk(root, path); p != nil {
				return p
			}
		}
	}
	if root := f.root(nil); root != nil {
		return s.walk(root, path)
	}
	return nil
}

package router

import "fmt"

// Whether one pattern is more specific than another is a question about sets:
// each pattern stands for the requests that it matches, and the smaller set
// wins where one holds the other. A request is a method and a path, a path a
// row of segments, and the patterns are compared part by part. As soon as one
// part is disjoint the whole is. Otherwise the first pattern has a request of
// its own if it has a value of its own in any part, and so has the second:
//
//	          method       segment 1    segment 2    together
//	GET /a/{x}  narrower     narrower     wider
//	    /{y}/b                                         both: a clash
//
//	GET /a/b    narrower     equal        narrower     narrower: it wins
//	    /a/{x}
//
// So a relation is a set of bits, and combining two relations is an OR.
type relation uint8

const (
	equal    relation = 0
	wider    relation = 1 << (iota - 1) // the first matches what the second does not
	narrower                            // the second matches what the first does not
	disjoint                            // nothing matches both
)

// clash tells why no request that matches both p and q can choose between them,
// or nil if each can.
func clash(p, q *pattern) error {
	if p.host != q.host {
		return nil // the host decides
	}
	switch compareMethods(p.method, q.method) | comparePaths(p.segments, q.segments) {
	case equal:
		return fmt.Errorf("pattern %q clashes with %q: they match the same requests", p.text, q.text)
	case wider | narrower:
		return fmt.Errorf("pattern %q clashes with %q: both match %q, and neither is more specific", p.text, q.text, common(p, q))
	}
	return nil
}

func compareMethods(a, b string) relation {
	switch {
	case a == b:
		return equal
	case a == "" || a == "GET" && b == "HEAD":
		return wider
	case b == "" || b == "GET" && a == "HEAD":
		return narrower
	}
	return disjoint
}

func comparePaths(a, b []segment) relation {
	rel := equal
	for i := range min(len(a), len(b)) {
		rel |= compareSegments(a[i], b[i])
	}
	// The longer path is below the shorter one if that ends in a wildcard for
	// all that remains, which the loop has counted as wider; else they part.
	switch {
	case len(a) < len(b) && a[len(a)-1].kind != rest,
		len(b) < len(a) && b[len(b)-1].kind != rest:
		rel |= disjoint
	}
	return rel
}

func compareSegments(a, b segment) relation {
	switch {
	case a.kind == b.kind && (a.kind != literal || a.text == b.text):
		return equal
	case a.kind == rest:
		return wider
	case b.kind == rest:
		return narrower
	case a.kind == wildcard && b.kind == literal:
		return wider
	case a.kind == literal && b.kind == wildcard:
		return narrower
	}
	return disjoint
}

// common writes a request that both patterns match, to show their clash.
func common(p, q *pattern) string {
	text := ""
	if p.method != "" || q.method != "" {
		method := p.method
		if compareMethods(p.method, q.method) == wider {
			method = q.method
		}
		text = method + " "
	}
	text += p.host
	for i := range max(len(p.segments), len(q.segments)) {
		s := segment{kind: rest}
		for _, segments := range [][]segment{p.segments, q.segments} {
			if i < len(segments) && segments[i].kind < s.kind {
				s = segments[i]
			}
		}
		text += "/" + s.text
	}
	return text
}

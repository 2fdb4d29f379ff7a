//go:build !wasip1

package sdktest

import (
	"net/http"
	"slices"
	"strings"
)

// fields are header fields or query arguments in their order.
type fields []field

type field struct{ name, value string }

func (f fields) get(name string) (string, bool) {
	for _, field := range f {
		if field.name == name {
			return field.value, true
		}
	}
	return "", false
}

func (f *fields) set(name, value string) {
	for i := range *f {
		if (*f)[i].name == name {
			(*f)[i].value = value
			tail := slices.DeleteFunc((*f)[i+1:], func(x field) bool { return x.name == name })
			*f = (*f)[:i+1+len(tail)]
			return
		}
	}
	*f = append(*f, field{name, value})
}

func (f *fields) remove(name string) {
	*f = slices.DeleteFunc(*f, func(x field) bool { return x.name == name })
}

func (f fields) list() string {
	var b []byte
	for _, field := range f {
		b = appendItem(appendItem(b, field.name), field.value)
	}
	return string(b)
}

// fieldsOf takes over headers, in the order of their names.
func fieldsOf(h http.Header) fields {
	var f fields
	for name, values := range h {
		for _, v := range values {
			f = append(f, field{canonical(name), v})
		}
	}
	slices.SortStableFunc(f, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return f
}

func (f fields) header() http.Header {
	h := http.Header{}
	for _, field := range f {
		h.Add(field.name, field.value)
	}
	return h
}

// once are the headers of which a message has one: adding sets them.
var once = []string{"Connection", "Content-Encoding", "Content-Type", "Host", "Server", "User-Agent"}

// put sets a header, or adds to it.
func (f *fields) put(name, value string, add bool) {
	name, value = canonical(name), strings.Clone(value)
	if add && !slices.Contains(once, name) {
		*f = append(*f, field{name, value})
	} else {
		f.set(name, value)
	}
}

// What plugins make the server keep of headers is bounded, in bytes.
const (
	maxFieldName = 1 << 10
	maxFields    = 256 << 10 // of all names and values written during an exchange
)

// change is put for a plugin, after the checks that the server makes.
func (x *Exchange) change(f *fields, name, value string, add bool) int32 {
	if len(name) > maxFieldName || !isToken(name) || !isFieldValue(value) {
		return badArgument
	}
	size := x.written + len(name) + len(value)
	if size > maxFields {
		return noMemory
	}
	x.written = size
	if !isFraming(name) {
		f.put(name, value, add)
	}
	return done
}

// drop removes a header for a plugin.
func (f *fields) drop(name string) int32 {
	if len(name) > maxFieldName {
		return badArgument
	}
	if !isFraming(name) {
		f.remove(canonical(name))
	}
	return done
}

// isFraming tells whether a header decides where a message's body ends. Those
// are the server's.
func isFraming(name string) bool {
	name = canonical(name)
	return name == "Content-Length" || name == "Transfer-Encoding"
}

func canonical(name string) string { return http.CanonicalHeaderKey(name) }

func (f fields) reply(name string, buf []byte) int32 {
	if len(name) > maxFieldName {
		return badArgument
	}
	value, found := f.get(canonical(name))
	if !found {
		return notFound
	}
	return reply(buf, value)
}

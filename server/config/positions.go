package config

import (
	"sort"
	"strconv"
	"strings"
)

// positions finds the line of any key of a TOML document. The TOML library
// does not: it knows keys by dotted path without array indexes, and forgets
// the keys within inline tables.
//
// Paths are written as in messages: routes.api.access[1], with the parts that
// are no bare keys in quotes.
type positions struct {
	newlines []int          // offsets of the line ends
	offsets  map[string]int // where the key of each path stands
	explicit map[string]bool
	defined  []definition // each key and table header, in file order

	unclosed int // offset of the array, inline table or string that never ends; -1 if none
	tooDeep  int // offset where the nesting passes maxDepth; -1 if nowhere
}

// definition is one place that defines a key or opens a table.
type definition struct {
	path   string
	offset int
}

func newPositions(text string) *positions {
	p := &positions{
		offsets: map[string]int{}, explicit: map[string]bool{},
		unclosed: -1, tooDeep: -1,
	}
	for i := range len(text) {
		if text[i] == '\n' {
			p.newlines = append(p.newlines, i)
		}
	}
	return p
}

// line returns the line of the key at path, or of its nearest ancestor in the
// document, or 1.
func (p *positions) line(path string) int {
	if p == nil {
		return 0
	}
	for ; path != ""; path = parentPath(path) {
		if offset, ok := p.offsets[path]; ok {
			return p.lineAt(offset)
		}
	}
	return 1
}

// lineAt returns the line that holds the byte at offset; a line end belongs to
// the line it ends.
func (p *positions) lineAt(offset int) int {
	return sort.SearchInts(p.newlines, offset) + 1
}

// define notes that the key at path, or its table's header, stands at offset.
// The first place counts: a second one is a mistake.
func (p *positions) define(path string, offset int) {
	p.defined = append(p.defined, definition{path, offset})
	if !p.explicit[path] {
		p.explicit[path] = true
		p.offsets[path] = offset
	}
}

// mention notes that a longer key or header passes through path at offset. It
// counts as long as the table has no header of its own.
func (p *positions) mention(path string, offset int) {
	if _, ok := p.offsets[path]; !ok {
		p.offsets[path] = offset
	}
}

// keyPath is the path of a key in the table at path.
func keyPath(path, key string) string {
	if !isBareKey(key) {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// indexPath is the path of an element of the array at path.
func indexPath(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}

// parentPath drops the last key or index of a path.
func parentPath(path string) string {
	last, quoted := 0, false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == '.' || c == '['):
			last = i
		}
	}
	return path[:last]
}

func isBareKey(key string) bool {
	return key != "" && strings.IndexFunc(key, func(r rune) bool { return !isBareKeyChar(r) }) < 0
}

func isBareKeyChar(r rune) bool {
	return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' || r == '-'
}

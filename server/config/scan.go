package config

import "strings"

// maxDepth limits how deep arrays and inline tables nest and how many parts a
// key has. The TOML library recurses without a limit, and a goroutine's stack
// that overflows cannot be recovered from.
const maxDepth = 64

// scanner runs over a TOML document for the places of its keys. It is not a
// parser: values are skipped, most mistakes go unnoticed, and at the first
// one that it does not understand it stops. All it has found up to there is
// right, and the library reports the mistake.
type scanner struct {
	text   string
	at     int // offset of the next byte
	depth  int
	table  string         // path of the table whose keys follow
	arrays map[string]int // newest index of each array of tables
	index  *positions
}

// scan finds the keys of a document.
func scan(text string) *positions {
	s := &scanner{text: text, arrays: map[string]int{}, index: newPositions(text)}
	for s.statement() {
	}
	return s.index
}

// statement scans a table header or a key with its value; false at the end of
// the document or of the scanner's understanding.
func (s *scanner) statement() bool {
	s.blank()
	if s.at >= len(s.text) {
		return false
	}
	if s.text[s.at] == '[' {
		return s.header()
	}
	return s.pair(s.table)
}

// header scans [table] or [[array of tables]].
func (s *scanner) header() bool {
	start, closing := s.at, "]"
	if strings.HasPrefix(s.text[s.at:], "[[") {
		closing = "]]"
	}
	s.at += len(closing)
	keys, ok := s.keys()
	if !ok || !s.accept(closing) {
		return false
	}
	path := ""
	for i, key := range keys {
		path = keyPath(path, key)
		s.index.mention(path, start)
		n, isArray := s.arrays[path]
		switch {
		case i == len(keys)-1 && closing == "]]":
			if isArray {
				n++
			}
			s.arrays[path] = n
			path = indexPath(path, n)
		case isArray: // a.b in an array of tables a belongs to its newest element
			path = indexPath(path, n)
		}
	}
	s.index.define(path, start)
	s.table = path
	return true
}

// pair scans key = value in the table at path.
func (s *scanner) pair(path string) bool {
	start := s.at
	keys, ok := s.keys()
	if !ok || !s.accept("=") {
		return false
	}
	for i, key := range keys {
		path = keyPath(path, key)
		if i < len(keys)-1 {
			s.index.mention(path, start)
		}
	}
	s.index.define(path, start)
	s.spaces()
	return s.value(path)
}

// keys scans a key of one or more parts, and the spaces after it.
func (s *scanner) keys() (parts []string, ok bool) {
	for {
		s.spaces()
		part, ok := s.key()
		if !ok {
			return nil, false
		}
		parts = append(parts, part)
		if len(parts) > maxDepth {
			s.index.tooDeep = s.at - 1
			return nil, false
		}
		s.spaces()
		if !s.accept(".") {
			return parts, true
		}
	}
}

func (s *scanner) key() (string, bool) {
	start := s.at
	switch s.peek() {
	case '"':
		if !s.quoted('"') {
			return "", false
		}
		return unescape(s.text[start+1 : s.at-1])
	case '\'':
		if !s.quoted('\'') {
			return "", false
		}
		return s.text[start+1 : s.at-1], true
	}
	for s.at < len(s.text) && isBareKeyChar(rune(s.text[s.at])) {
		s.at++
	}
	return s.text[start:s.at], s.at > start
}

// value scans the value of the key or array element at path.
func (s *scanner) value(path string) bool {
	switch c := s.peek(); c {
	case '"', '\'':
		if triple := strings.Repeat(string(c), 3); strings.HasPrefix(s.text[s.at:], triple) {
			return s.multiline(triple)
		}
		return s.quoted(c)
	case '[':
		return s.elements(']', func(i int) bool {
			path := indexPath(path, i)
			s.index.mention(path, s.at)
			return s.value(path)
		})
	case '{':
		return s.elements('}', func(int) bool { return s.pair(path) })
	}
	start := s.at // a number, boolean or date
	for s.at < len(s.text) && !strings.ContainsRune(",]}#\r\n", rune(s.text[s.at])) {
		s.at++
	}
	return s.at > start
}

// elements scans an array or inline table, whose elements scan by each.
func (s *scanner) elements(closing byte, each func(i int) bool) bool {
	start := s.at
	if s.depth++; s.depth > maxDepth {
		s.index.tooDeep = start
		return false
	}
	defer func() { s.depth-- }()
	s.at++
	for i := 0; ; i++ {
		s.blank()
		if s.accept(string(closing)) {
			return true
		}
		if s.open(start) || !each(i) {
			return false
		}
		s.blank()
		if !s.accept(",") && s.peek() != closing {
			s.open(start)
			return false
		}
	}
}

// quoted skips a string on one line, escapes and all.
func (s *scanner) quoted(quote byte) bool {
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == quote:
			s.at++
			return true
		case c == '\n':
			return false
		case c == '\\' && quote == '"':
			s.at++
		}
	}
	return false
}

// multiline skips a string in triple quotes, two of which may stand right
// before the closing three.
func (s *scanner) multiline(triple string) bool {
	start := s.at
	for s.at += 3; s.at < len(s.text); s.at++ {
		if s.text[s.at] == '\\' && triple[0] == '"' {
			s.at++
		} else if s.accept(triple) {
			for range 2 {
				s.accept(triple[:1])
			}
			return true
		}
	}
	s.at = len(s.text) // a backslash at the very end steps beyond
	s.open(start)
	return false
}

// open reports whether the document ended within the thing that began at
// start; the innermost one is noted.
func (s *scanner) open(start int) bool {
	if s.at < len(s.text) {
		return false
	}
	if s.index.unclosed < 0 {
		s.index.unclosed = start
	}
	return true
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) accept(token string) bool {
	if s.at > len(s.text) || !strings.HasPrefix(s.text[s.at:], token) {
		return false
	}
	s.at += len(token)
	return true
}

// spaces skips what may stand between the parts of a line.
func (s *scanner) spaces() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

// blank skips spaces, line ends and comments.
func (s *scanner) blank() {
	for {
		switch s.peek() {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '#':
			if end := strings.IndexByte(s.text[s.at:], '\n'); end >= 0 {
				s.at += end
			} else {
				s.at = len(s.text)
			}
		default:
			return
		}
	}
}

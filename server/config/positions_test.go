package config

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestPositions(t *testing.T) {
	const text = `# line 1
top = 1
a.b.'c d'.e = 2 # line 3
[routes] # dotted below
api.access = [ "x",
  "y", # not ] the end
  { k = 1,
    l = [
      2 ] },
]
[routes.api.deep]
text = """
fake = 1
[fake]
\""" """ # closes here
more = '''
''''' # so does this
last = 1
[[list]]
x = 1
[[list]]
x = 2
[list.sub]
y = 3
[later.sub]
[later]
"quo\"ted.\u0041" = { "" = 1 }
`
	p := scan(text)
	for path, want := range map[string]int{
		"top":                       2,
		"a":                         3,
		`a.b."c d"`:                 3,
		`a.b."c d".e`:               3,
		"routes":                    4,
		"routes.api":                5,
		"routes.api.access":         5,
		"routes.api.access[0]":      5,
		"routes.api.access[1]":      6,
		"routes.api.access[2]":      7,
		"routes.api.access[2].k":    7,
		"routes.api.access[2].l":    8,
		"routes.api.access[2].l[0]": 9,
		"routes.api.deep.text":      12,
		"routes.api.deep.more":      16,
		"routes.api.deep.last":      18,
		"list":                      19,
		"list[0].x":                 20,
		"list[1]":                   21,
		"list[1].x":                 22,
		"list[1].sub":               23,
		"list[1].sub.y":             24,
		"later.sub":                 25,
		"later":                     26,
		`later."quo\"ted.A"`:        27,
		`later."quo\"ted.A".""`:     27,
		"routes.api.content":        5, // absent: the nearest table
		"routes.api.access[7].x":    5, // absent: the array
		`routes.api.deep.none."a.[b\"".c[3].here`: 11, // absent, several levels up
		"fake": 1, // in a string only
		"":     1,
	} {
		if got := p.line(path); got != want {
			t.Errorf("line(%s) = %d, want %d", path, got, want)
		}
	}
}

// document writes random TOML in every notation there is and notes the line
// of each key.
type document struct {
	*rand.Rand
	strings.Builder
	lines map[string]int
	next  int // number in the next key, so that none comes twice
}

func (d *document) line() int { return strings.Count(d.String(), "\n") + 1 }

func (d *document) pick(choices ...string) string { return choices[d.Intn(len(choices))] }

// key writes a fresh key of some parts and returns the path in the table at
// path.
func (d *document) key(path string) string {
	for i := range 1 + d.Intn(3) {
		if i > 0 {
			d.WriteString(d.pick(".", " . ", "\t."))
		}
		d.next++
		name := fmt.Sprint(d.pick("k", "key-", "_"), d.next)
		switch d.Intn(5) {
		case 0:
			name += d.pick(".", " ", "#", "=", "]", "é")
			d.WriteString("'" + name + "'")
		case 1:
			d.WriteString(`"` + name + d.pick(`\"`, `\u0022`, `\x22`) + `"`)
			name += `"`
		default:
			d.WriteString(name)
		}
		path = keyPath(path, name)
		d.lines[path] = d.line()
	}
	return path
}

func (d *document) blank() {
	d.WriteString(d.pick("", " ", "\n", "\t\r\n", " # comment [x] = \"\n", "\n\n"))
}

func (d *document) value(path string, depth int) {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch d.Intn(kinds) {
	case 0:
		d.WriteString(d.pick("1", "-1.5e3", "0xff", "inf", "true", "1979-05-27 07:32:00", "07:32:00"))
	case 1:
		d.WriteString(d.pick(`""`, `"a = 1"`, `"\""`, `"\\"`, `"# no"`))
	case 2:
		d.WriteString(d.pick(`''`, `'a = 1'`, `'\'`, `'"'`))
	case 3:
		d.WriteString("\"\"\"" + d.pick("", "\n", "\nx = 1\n[y]\n", `\"`, "\\\n  x", `"`, `""`, "a\"\"b") + "\"\"\"")
	case 4, 5:
		d.WriteString("'''" + d.pick("", "\n", "\nx = 1\n[y]\n", `\`, "'", "''", "a''b\r\n") + "'''")
	case 6:
		d.WriteString("[")
		for i := range d.Intn(4) {
			d.blank()
			at := indexPath(path, i)
			d.lines[at] = d.line()
			d.value(at, depth-1)
			d.blank()
			d.WriteString(",")
		}
		d.blank()
		d.WriteString("]")
	case 7:
		d.WriteString("{")
		for i := range d.Intn(4) {
			if i > 0 {
				d.WriteString(",")
			}
			d.blank()
			d.pair(path, depth-1)
			d.blank()
		}
		d.WriteString("}")
	}
}

func (d *document) pair(path string, depth int) {
	path = d.key(path)
	d.WriteString(d.pick("=", " = ", "\t="))
	d.value(path, depth)
}

func newDocument(seed int64) *document {
	d := &document{Rand: rand.New(rand.NewSource(seed)), lines: map[string]int{}}
	table := ""
	for range 12 {
		d.blank()
		switch d.Intn(6) {
		case 0:
			d.WriteString("[ ")
			table = d.key("")
			d.WriteString("]")
		case 1:
			d.WriteString("\n[[")
			table = d.key("")
			d.WriteString("]]\n")
			at := d.line() - 1
			d.lines[table] = at
			table = indexPath(table, 0)
			d.lines[table] = at
		default:
			d.pair(table, 3)
		}
		d.WriteString(d.pick("\n", " # end\n", "\r\n"))
	}
	d.WriteString(d.pick("", "# no line end"))
	return d
}

// TestPositionsRandom compares the lines found in random documents with those
// known when they were written, and the keys with those the library finds.
func TestPositionsRandom(t *testing.T) {
	for seed := range int64(2000) {
		d := newDocument(seed)
		if !sameKeys(t, d.String()) {
			t.Fatalf("seed %d is no TOML:\n%s", seed, d)
		}
		p := scan(d.String())
		for path, want := range d.lines {
			offset, ok := p.offsets[path]
			if !ok || p.lineAt(offset) != want {
				t.Errorf("seed %d: line(%s) = %d (known: %v), want %d", seed, path, p.line(path), ok, want)
			}
		}
		if len(p.offsets) != len(d.lines) {
			t.Errorf("seed %d: %d keys found, %d written", seed, len(p.offsets), len(d.lines))
		}
		if t.Failed() {
			t.Fatal(d)
		}
	}
}

// sameKeys fails the test if the scanner and the library find different keys,
// and reports whether the text is TOML at all.
func sameKeys(t *testing.T, text string) bool {
	p := scan(text)
	if p.tooDeep >= 0 {
		return false
	}
	var tree map[string]any
	meta, err := toml.Decode(text, &tree)
	if err != nil {
		return false
	}
	var got, want []string
	for _, d := range p.defined {
		got = append(got, withoutIndexes(d.path))
	}
	for _, key := range meta.Keys() {
		path := ""
		for _, part := range key {
			path = keyPath(path, part)
		}
		want = append(want, path)
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys %q\nwant %q\nin %q", got, want, text)
	}
	return true
}

// withoutIndexes writes a path as the library does: without array indexes.
func withoutIndexes(path string) string {
	if path == "" {
		return ""
	}
	parent := parentPath(path)
	if last := path[len(parent):]; last[0] != '[' {
		return withoutIndexes(parent) + last
	}
	return withoutIndexes(parent)
}

func FuzzPositions(f *testing.F) {
	for seed := range int64(50) {
		f.Add(newDocument(seed).String())
	}
	f.Add("a = [{b = 1}, [[{c = {d.e = 2}}]]]\n[[x.y]]\n[x.y.z]\n[[x.y]]")
	f.Fuzz(func(t *testing.T, text string) {
		defer func() {
			if cause := recover(); cause != nil && !strings.Contains(fmt.Sprint(cause), "BUG") {
				panic(cause) // what is not the library's own check of itself
			}
		}()
		if _, what := badByte(text); what == "" {
			sameKeys(t, text)
		}
	})
}

package zone

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSONFactor is how many times larger than a zone the JSON of its content can
// be: a byte takes up to six, as in \u0000.
const JSONFactor = 6

// JSON is the content as a JSON object with a key in each line, sorted. A float
// has a point or an exponent, so that it is one again when it is read.
func (c Content) JSON() []byte {
	object := make(map[string]any, len(c))
	for key, v := range c {
		switch v.Kind {
		case Text:
			object[key] = string(v.Text())
		case Int:
			object[key] = v.Int()
		case Float:
			text := strconv.FormatFloat(v.Float(), 'g', -1, 64)
			if !strings.ContainsAny(text, ".e") {
				text += ".0"
			}
			object[key] = json.Number(text)
		default:
			object[key] = v.Bool()
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(object); err != nil {
		panic("BUG: a zone's content is no JSON: " + err.Error())
	}
	return b.Bytes()
}

// ParseContent reads a JSON object as content. Keys whose values a zone cannot
// keep like that (null, lists, objects, numbers out of range), and keys that
// none can have, are odd: they are left out. The error says where data is no
// JSON object.
func ParseContent(data []byte) (c Content, odd []string, err error) {
	if !utf8.Valid(data) {
		return nil, nil, errors.New("it is no UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	if err = d.Decode(&object); err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("something follows the JSON object")
		} else if err == io.EOF {
			err = nil
		}
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, nil, fmt.Errorf("line %d: %w", 1+bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n")), err)
	case err == io.EOF:
		return nil, nil, errors.New("it is empty")
	case object == nil && (err == nil || errors.As(err, new(*json.UnmarshalTypeError))):
		return nil, nil, errors.New("it is no JSON object")
	case err != nil:
		return nil, nil, err
	}
	c = make(Content, len(object))
	for key, in := range object {
		if v := contentOf(in); v.Kind != None && validKey([]byte(key)) {
			c[key] = v
		} else {
			odd = append(odd, key)
		}
	}
	slices.Sort(odd)
	return c, odd, nil
}

// contentOf is a decoded JSON value as a zone's, or none.
func contentOf(in any) Value {
	switch in := in.(type) {
	case string:
		return TextOf([]byte(in))
	case bool:
		return BoolOf(in)
	case json.Number:
		if n, err := in.Int64(); err == nil {
			return IntOf(n)
		}
		if f, err := in.Float64(); err == nil {
			return FloatOf(f)
		}
	}
	return Value{}
}

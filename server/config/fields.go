package config

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"phasm/plugins/suggest"
)

// scalar is a type of ours that is written as a string or a number.
type scalar interface {
	// parse sets it from a decoded TOML value; the error says how to write it.
	parse(value any) error
}

// field is a struct's field that a key of a TOML table sets.
type field struct {
	name  string
	index []int
	tag   reflect.StructTag
}

// fieldsOf lists the keys of the table that a struct stands for. Embedded
// structs add theirs.
func fieldsOf(table reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(table) {
		if name, ok := f.Tag.Lookup("toml"); ok {
			fields = append(fields, field{name, f.Index, f.Tag})
		}
	}
	return fields
}

// namesOf lists the keys by name.
func namesOf(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// setDefaults fills the struct with the defaults in its tags.
func setDefaults(out reflect.Value) {
	for _, f := range fieldsOf(out.Type()) {
		value := out.FieldByIndex(f.index)
		if text, ok := f.tag.Lookup("default"); ok {
			setText(value, text)
		} else if value.Kind() == reflect.Struct {
			setDefaults(value)
		}
	}
}

// setText sets a value from the notation in a tag.
func setText(out reflect.Value, text string) {
	var err error
	switch target := out.Addr().Interface().(type) {
	case scalar:
		err = target.parse(text)
	case *string:
		*target = text
	case *int:
		*target, err = strconv.Atoi(text)
	default:
		err = fmt.Errorf("no notation for %s in a tag", out.Type())
	}
	if err != nil {
		panic(fmt.Sprintf("BUG: tag %q: %v", text, err))
	}
}

// outOfRange says how the value breaks the range or the choices in the tag, or
// "" if it does not.
func outOfRange(value reflect.Value, tag reflect.StructTag) string {
	if list, ok := tag.Lookup("choices"); ok {
		choices, got := strings.Split(list, "|"), fmt.Sprint(value)
		if slices.Contains(choices, got) {
			return ""
		}
		near := ""
		if value.Kind() == reflect.String { // a number is not misspelt
			near = suggest.Nearest(got, choices)
		}
		return fmt.Sprintf("%s is not one of %s%s", describe(value.Interface()),
			strings.Join(choices, ", "), didYouMean(near, ""))
	}
	bound := func(key string) (reflect.Value, bool) {
		limit := reflect.New(value.Type()).Elem()
		text, ok := tag.Lookup(key)
		if ok {
			setText(limit, text)
		}
		return limit, ok
	}
	low, hasLow := bound("min")
	high, hasHigh := bound("max")
	tooLow, tooHigh := hasLow && value.Int() < low.Int(), hasHigh && value.Int() > high.Int()
	switch {
	case hasLow && hasHigh && (tooLow || tooHigh):
		return fmt.Sprintf("must be from %v to %v, not %v", low, high, value)
	case tooLow:
		return fmt.Sprintf("must be at least %v, not %v", low, value)
	case tooHigh:
		return fmt.Sprintf("must be at most %v, not %v", high, value)
	}
	return ""
}

// describe names a decoded TOML value in a message.
func describe(value any) string {
	switch v := value.(type) {
	case string:
		const longest = 60
		if len(v) > longest {
			return fmt.Sprintf("%q…", strings.ToValidUTF8(v[:longest], ""))
		}
		return strconv.Quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if v == math.Trunc(v) && !strings.ContainsAny(text, "e") && !math.IsInf(v, 0) {
			text += ".0"
		}
		return text
	case time.Time:
		return "a date or time"
	case []any, []map[string]any:
		return "an array"
	case map[string]any:
		return "a table"
	}
	return fmt.Sprint(value)
}

// describeTyped is describe with the type, where the value alone leaves doubt.
func describeTyped(value any) string {
	kind := ""
	switch value.(type) {
	case string:
		kind = "the string "
	case int64:
		kind = "the integer "
	case float64:
		kind = "the float "
	case bool:
		kind = "the boolean "
	}
	return kind + describe(value)
}

// inFileOrder returns the keys of the table at path as they follow in the file.
func (p *positions) inFileOrder(path string, table map[string]any) []string {
	keys := make([]string, 0, len(table))
	for key := range table {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(p.offsets[keyPath(path, a)], p.offsets[keyPath(path, b)]), cmp.Compare(a, b))
	})
	return keys
}

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"phasm/plugins/suggest"
)

// loader turns the tree that TOML gave into a Config and collects the problems
// on the way: one bad value never hides another.
type loader struct {
	config     *Config
	tree       map[string]any
	given      map[string]bool // paths of the known keys there are, good or bad
	excused    map[string]bool // paths of what is amiss because of a problem reported already
	references []reference
	problems   []Problem
}

// reference is a value that names a plugin.
type reference struct {
	path, name string
}

func (l *loader) problem(path, format string, args ...any) {
	l.problems = append(l.problems, l.config.Problem(path, format, args...))
}

// missing reports a file or directory that is not there.
func (l *loader) missing(path, name, format string, args ...any) {
	l.problem(path, format, args...)
	l.problems[len(l.problems)-1].Missing = name
}

// wrongType reports a value of a type that the key cannot have.
func (l *loader) wrongType(path, want string, value any) {
	l.problem(path, "must be %s, not %s", want, describeTyped(value))
}

// reported reports whether there is a problem with the very key at path, so
// that checks of the whole need not add to it.
func (l *loader) reported(path string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Path == path })
}

// table sets the struct out from the table at path.
func (l *loader) table(path string, in map[string]any, out reflect.Value) {
	setDefaults(out)
	fields := fieldsOf(out.Type())
	for key, value := range in {
		at := keyPath(path, key)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if i < 0 {
			l.unknownKey(path, key, fields)
			continue
		}
		l.given[at] = true
		l.value(at, value, out.FieldByIndex(fields[i].index), fields[i].tag)
	}
	for _, f := range fields {
		at := keyPath(path, f.name)
		if example := f.tag.Get("required"); example != "" && !l.given[at] && !l.excused[at] {
			l.problem(at, "is missing; write it as in %s = %q", f.name, example)
		}
	}
}

// unknownKey reports a key that the table does not have. The key that it was
// probably meant to be is not reported as missing as well.
func (l *loader) unknownKey(path, key string, fields []field) {
	at := keyPath(path, key)
	names := namesOf(fields)
	near := suggest.Nearest(key, names)
	if near != "" {
		l.excused[keyPath(path, near)] = true
	}
	l.problem(at, "unknown key%s", didYouMean(near, "the keys here are "+strings.Join(names, ", ")))
}

// value sets out from the value of the key at path, whose field has the tag.
func (l *loader) value(path string, in any, out reflect.Value, tag reflect.StructTag) {
	switch target := out.Addr().Interface().(type) {
	case scalar:
		if err := target.parse(in); err != nil {
			l.problem(path, "%v", err)
			return
		}
		l.inRange(path, out, tag)
	case *string:
		text, ok := in.(string)
		if !ok {
			l.wrongType(path, "a string", in)
			return
		}
		*target = text
		l.text(path, target, tag)
		l.inRange(path, out, tag)
	case *int:
		n, ok := in.(int64)
		if !ok {
			l.wrongType(path, "an integer", in)
			return
		}
		if out.OverflowInt(n) {
			l.problem(path, "%d is too large", n)
			return
		}
		*target = int(n)
		l.inRange(path, out, tag)
	case *[]string:
		*target = l.strings(path, in, tag)
	case *bool:
		on, ok := in.(bool)
		if !ok {
			l.wrongType(path, "true or false", in)
			return
		}
		*target = on
	case *[]Peer:
		*target = l.peers(path, in)
	case *[]Header:
		*target = l.headers(path, in)
	case *map[string]any:
		table, ok := in.(map[string]any)
		if !ok {
			l.wrongType(path, "a table", in)
			return
		}
		*target = table
	default:
		l.structured(path, in, out)
	}
}

// structured sets a struct, a pointer to one, or a slice of named ones.
func (l *loader) structured(path string, in any, out reflect.Value) {
	table, ok := in.(map[string]any)
	if on, is := in.(bool); is && out.Type() == reflect.TypeFor[*RedisTLS]() {
		table, ok = map[string]any{}, true
		if !on {
			return // as if nothing were said
		}
	}
	if out.Kind() == reflect.Pointer {
		one := reflect.New(out.Type().Elem())
		if ok {
			out.Set(one)
		}
		out = one.Elem()
	}
	switch {
	case out.Kind() == reflect.Slice && !ok:
		l.wrongType(path, "named tables such as ["+path+".NAME]", in)
	case !ok:
		l.wrongType(path, "a table of "+strings.Join(namesOf(fieldsOf(out.Type())), ", "), in)
	case out.Kind() == reflect.Slice:
		l.named(path, table, out)
	default:
		l.table(path, table, out)
	}
}

// named sets a slice from a table of named tables, in file order.
func (l *loader) named(path string, in map[string]any, out reflect.Value) {
	for _, name := range l.config.positions.inFileOrder(path, in) {
		at := keyPath(path, name)
		if len(name) > 64 || !isBareKey(name) {
			l.problem(at, "a name has 1 to 64 letters, digits, _ and -")
		}
		table, ok := in[name].(map[string]any)
		if !ok {
			l.wrongType(at, "a named table such as ["+path+".NAME]", in[name])
			l.excused[at] = true
		}
		one := reflect.New(out.Type().Elem()).Elem() // even then: others may name it
		one.FieldByName("Name").SetString(name)
		if ok {
			l.table(at, table, one)
		}
		out.Set(reflect.Append(out, one))
	}
}

// strings returns the list of strings at path. It leaves bad elements out.
func (l *loader) strings(path string, in any, tag reflect.StructTag) []string {
	elements, ok := in.([]any)
	if !ok {
		hint := ""
		if text, ok := in.(string); ok {
			hint = fmt.Sprintf("; write [%s]", describe(text))
		}
		l.problem(path, "must be an array of strings, not %s%s", describeTyped(in), hint)
		return nil
	}
	var list []string
	for i, element := range elements {
		at := indexPath(path, i)
		text, ok := element.(string)
		if !ok {
			l.wrongType(at, "a string", element)
			continue
		}
		l.text(at, &text, tag)
		list = append(list, text)
	}
	return list
}

func (l *loader) inRange(path string, value reflect.Value, tag reflect.StructTag) {
	if message := outOfRange(value, tag); message != "" {
		l.problem(path, "%s", message)
	}
}

// text follows a string that names a plugin, an environment variable or a file.
func (l *loader) text(path string, text *string, tag reflect.StructTag) {
	if tag.Get("ref") == "plugin" {
		l.references = append(l.references, reference{path, *text})
	}
	if tag.Get("form") == "env" && (*text == "" || strings.ContainsAny(*text, "=\x00")) {
		l.problem(path, "%s is not the name of an environment variable; write it as in \"DATABASE_URL\", without = and a value", describe(*text))
	}
	l.host(path, *text, tag)
	kind := tag.Get("file")
	switch {
	case kind == "":
		return
	case kind == "log" && (*text == "stderr" || *text == "off"):
		l.problem(path, `%s is neither a path nor "stdout"; leave the key out for the default, or write "./%s" for a file of that name`, describe(*text), *text)
		return
	case kind == "log" && (*text == "" || *text == "stdout"):
		return // standard error or off, and standard output
	case *text == "":
		l.problem(path, "must not be empty")
		return
	case !filepath.IsAbs(*text):
		*text = filepath.Join(filepath.Dir(l.config.File), *text)
	}
	switch kind {
	case "log":
		return
	case "kept":
		l.folder(path, *text)
		return
	}
	want := map[string]string{"dir": "directory", "file": "file"}[kind]
	info, err := os.Stat(*text)
	switch {
	case os.IsNotExist(err):
		l.missing(path, *text, "no %s %q; a relative path starts at the configuration file's directory", want, *text)
	case err != nil:
		l.problem(path, "cannot look at %s %q: %v", want, *text, cause(err))
	case info.IsDir() != (kind == "dir"):
		l.problem(path, "%q is not a %s", *text, want)
	}
}

// folder reports that a file which phasm is to make has no folder, or is one
// itself.
func (l *loader) folder(path, file string) {
	dir := filepath.Dir(file)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		l.missing(path, dir, "there is no directory %q for this file; a relative path starts at the configuration file's directory", dir)
	} else if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		l.problem(path, "%q is not a file", file)
	}
}

// mustExist reports a name that none of the tables of a kind has.
func (l *loader) mustExist(path, kind, table, name string, names []string) {
	if slices.Contains(names, name) {
		return
	}
	declared := "NAME"
	if isBareKey(name) {
		declared = name
	}
	l.problem(path, "no %s named %s%s", kind, describe(name),
		didYouMean(suggest.Nearest(name, names), "declare it as ["+table+"."+declared+"]"))
}

// checkReferences looks up the plugins that routes and phases name, and warns
// of those that none does.
func (l *loader) checkReferences() {
	var names []string
	used := map[string]bool{}
	for _, p := range l.config.Plugins {
		names = append(names, p.Name)
	}
	for _, r := range l.references {
		l.mustExist(r.path, "plugin", "plugins", r.name, names)
		used[r.name] = true
	}
	for _, name := range names {
		if !used[name] {
			l.config.Warnings = append(l.config.Warnings,
				l.config.Problem(keyPath("plugins", name), "no route and no phase uses this plugin; name it in one, or remove it"))
		}
	}
}

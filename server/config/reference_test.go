package config

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// keysOf calls see with every key that the comments and tags of this package
// describe.
func keysOf(t *testing.T, see func(key string, field *ast.Field, tag reflect.StructTag)) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			field, ok := node.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			text, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			tag := reflect.StructTag(text)
			if key := tag.Get("toml"); key != "" {
				see(key, field, tag)
			}
			return true
		})
	}
}

// TestReadme looks for every key in the table of the README.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n## Configuration\n"))
	text, _, found := bytes.Cut(text, []byte("\n## "))
	if !found {
		t.Fatal("the README has no chapter Configuration")
	}
	code := bytes.Join(regexp.MustCompile("`[^`]+`").FindAll(text, -1), []byte("\n"))
	keysOf(t, func(key string, field *ast.Field, _ reflect.StructTag) {
		if !regexp.MustCompile(`\b` + key + `\b`).Match(code) {
			t.Errorf("the README's configuration table lacks %s: %s", key, field.Doc.Text())
		}
	})
}

// TestReference holds the comments, which are the reference of the
// configuration, against the tags, which the decoder obeys.
func TestReference(t *testing.T) {
	keys := 0
	keysOf(t, func(_ string, field *ast.Field, tag reflect.StructTag) {
		keys++
		checkComment(t, field.Names[0].Name, field.Doc.Text(), tag)
	})
	if keys < 40 {
		t.Errorf("only %d keys found", keys)
	}
}

func checkComment(t *testing.T, name, comment string, tag reflect.StructTag) {
	t.Helper()
	comment = strings.Join(strings.Fields(comment), " ")
	says := func(what, text string) {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(text) + `\b`).MatchString(comment) {
			t.Errorf("%s: the comment lacks the %s %q: %s", name, what, text, comment)
		}
	}
	if comment == "" {
		t.Errorf("%s has no comment", name)
	}
	if value, ok := tag.Lookup("default"); ok {
		says("default", "Default "+value)
	}
	if _, ok := tag.Lookup("required"); ok && !strings.Contains(comment, "Required.") {
		t.Errorf("%s: the comment does not say that it is required", name)
	}
	if list, ok := tag.Lookup("choices"); ok {
		for choice := range strings.SplitSeq(list, "|") {
			says("choice", choice)
		}
	}
	if value, ok := tag.Lookup("max"); ok {
		says("maximum", value)
		says("minimum", tag.Get("min"))
	}
}

// TestTags reads every tag, so that a bad one shows here and not in a server.
func TestTags(t *testing.T) {
	var walk func(reflect.Type)
	walk = func(table reflect.Type) {
		for _, f := range fieldsOf(table) {
			of := table.FieldByIndex(f.index).Type
			value := reflect.New(of).Elem()
			for _, key := range []string{"default", "min", "max"} {
				if text, ok := f.tag.Lookup(key); ok {
					setText(value, text) // panics on a bad tag
				}
			}
			if text, ok := f.tag.Lookup("default"); ok {
				setText(value, text)
				if message := outOfRange(value, f.tag); message != "" {
					t.Errorf("%s.%s: the default %s", table, f.name, message)
				}
			}
			if of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			if of.Kind() == reflect.Struct {
				walk(of)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

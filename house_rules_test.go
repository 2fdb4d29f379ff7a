package main_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A rule lists what breaks it in a repository, given as contents by path.
type rule struct {
	name  string
	check func(files map[string][]byte) ([]string, error)
}

var rules = []rule{
	{"imports", eachSource(checkImports)},
	{"package comments", checkPackageComments},
	{"length", eachSource(checkLength)},
	{"doc comments", eachSource(checkDocComments)},
	{"paths", checkPaths},
	{"top level", checkTopLevel},
}

// source is a Go file that is no test and no test's data.
type source struct {
	name   string // its path
	folder string
	syntax *ast.File
	lines  int
}

// sources parses the Go files, sorted by path.
func sources(files map[string][]byte) ([]*source, error) {
	var all []*source
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || slices.Contains(strings.Split(name, "/"), "testdata") {
			continue
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, files[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		all = append(all, &source{name, path.Dir(name), syntax, bytes.Count(files[name], []byte("\n"))})
	}
	return all, nil
}

// eachSource makes a rule of a check of single Go files.
func eachSource(check func(*source) []string) func(map[string][]byte) ([]string, error) {
	return func(files map[string][]byte) ([]string, error) {
		all, err := sources(files)
		var problems []string
		for _, s := range all {
			problems = append(problems, check(s)...)
		}
		return problems, err
	}
}

func checkImports(s *source) []string {
	row := slices.IndexFunc(imports, func(row struct{ pkg, may string }) bool {
		match, _ := path.Match(row.pkg, s.folder)
		return match
	})
	if row < 0 {
		return []string{fmt.Sprintf("%s: package %s is not in the table of imports: add it to the table", s.name, s.folder)}
	}
	var problems []string
	for _, spec := range s.syntax.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		ours := imported == "phasm" || strings.HasPrefix(imported, "phasm/")
		imported = strings.TrimPrefix(imported, "phasm/")
		if ours && !slices.Contains(strings.Fields(imports[row].may), imported) {
			problems = append(problems, fmt.Sprintf("%s: package %s may not import %q: the table of imports does not say so", s.name, s.folder, imported))
		}
	}
	return problems
}

func checkPackageComments(files map[string][]byte) ([]string, error) {
	all, err := sources(files)
	documented := map[string]bool{}
	for _, s := range all {
		documented[s.folder] = documented[s.folder] || s.syntax.Doc.Text() != ""
	}
	var problems []string
	for _, folder := range slices.Sorted(maps.Keys(documented)) {
		if !documented[folder] {
			problems = append(problems, fmt.Sprintf("package %s has no package comment", folder))
		}
	}
	return problems, err
}

const maxLines = 600

func checkLength(s *source) []string {
	if s.lines <= maxLines || ast.IsGenerated(s.syntax) {
		return nil
	}
	return []string{fmt.Sprintf("%s has %d lines, at most %d: it holds more than one idea", s.name, s.lines, maxLines)}
}

// wellKnown are methods whose meaning the interface gives that they implement.
var wellKnown = strings.Fields("Error Unwrap String Read Write Close Len Less Swap")

// checkDocComments asks for a comment on each exported name. In a group of
// constants or variables the group's own is enough.
func checkDocComments(s *source) []string {
	if s.syntax.Name.Name == "main" {
		return nil
	}
	var problems []string
	ask := func(doc string, names ...*ast.Ident) {
		for _, name := range names {
			if name.IsExported() && doc == "" {
				problems = append(problems, fmt.Sprintf("%s: %s has no doc comment", s.name, name.Name))
			}
		}
	}
	for _, decl := range s.syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || receiver(d).IsExported() && !slices.Contains(wellKnown, d.Name.Name) {
				ask(d.Doc.Text(), d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					doc := spec.Doc.Text()
					if !d.Lparen.IsValid() {
						doc = d.Doc.Text()
					}
					ask(doc, spec.Name)
				case *ast.ValueSpec:
					ask(d.Doc.Text()+spec.Doc.Text()+spec.Comment.Text(), spec.Names...)
				}
			}
		}
	}
	return problems
}

// receiver is the name of the type that a method belongs to.
func receiver(method *ast.FuncDecl) *ast.Ident {
	t := method.Recv.List[0].Type
	for {
		switch inner := t.(type) {
		case *ast.StarExpr:
			t = inner.X
		case *ast.ParenExpr:
			t = inner.X
		case *ast.IndexExpr: // a type with a parameter
			t = inner.X
		case *ast.IndexListExpr: // with several
			t = inner.X
		case *ast.Ident:
			return inner
		default:
			panic(fmt.Sprintf("BUG: a receiver of type %T", t))
		}
	}
}

// machinePath is a path that only one machine has. What stands before it
// keeps it apart from the path of a URL.
var machinePath = regexp.MustCompile(`(?:^|[^\w.-])(/(?:work|root|home/\w+|Users/\w+)/)`)

func checkPaths(files map[string][]byte) ([]string, error) {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if bytes.IndexByte(files[name], 0) >= 0 {
			continue // not text
		}
		number := 0
		for line := range bytes.Lines(files[name]) {
			number++
			if found := machinePath.FindSubmatch(line); found != nil {
				problems = append(problems, fmt.Sprintf("%s:%d: %s is a path of one machine", name, number, found[1]))
			}
		}
	}
	return problems, nil
}

func checkTopLevel(files map[string][]byte) ([]string, error) {
	entries := map[string]bool{}
	for name := range files {
		entry, _, _ := strings.Cut(name, "/")
		isTest := entry == name && strings.HasSuffix(name, "_test.go")
		if !isTest && !slices.Contains(strings.Fields(topLevel), entry) {
			entries[entry] = true
		}
	}
	var problems []string
	for _, entry := range slices.Sorted(maps.Keys(entries)) {
		problems = append(problems, fmt.Sprintf("%s does not belong at the top level", entry))
	}
	return problems, nil
}

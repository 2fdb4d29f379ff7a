package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
)

// workload is a folder of workloads/. Beside workload.toml it has phasm.toml,
// the plugins and routes, and nginx.conf, what is between the braces of http;
// both are templates over a stage. The plugin of all of them is in plugin/.
type workload struct {
	Name string `toml:"-"`
	dir  string

	Title string // what is done, in the tables

	// The request.
	Method  string   // default GET
	Path    string   // default /
	Headers []string // "Name: value"
	Body    string
	Repeat  int // how often the body is repeated; default once
	Keys    int // requests are for one of so many paths, at random: {n} in Path is its number
	TLS     bool

	// The answer.
	Status  int      // default 200
	Compare []string // headers that must be the same in both answers, beside Content-Type
	JSON    bool     // bodies are the same that mean the same

	Files   map[string]int // files to make in the stage's Files, and their sizes in bytes
	Redis   bool           // it needs a Redis server
	Backend bool           // it needs a server to pass requests on to
	C       bool           // it is measured with the plugin in C as well
	InC     bool           `toml:"-"` // this is that
	Plugin  bool           `toml:"-"` // phasm has one
	Target  float64        // how many times OpenResty's requests per CPU second there should be
	Slow    bool           // left out by -short
}

// loadWorkloads reads them, in the order of their names. Folders are numbered,
// so that this is the order of the tables.
func loadWorkloads(dir string) ([]*workload, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "phasm.toml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all []*workload
	for _, file := range files {
		w, err := loadWorkload(filepath.Dir(file))
		if err != nil {
			return nil, err
		}
		all = append(all, w)
		if w.C {
			again := *w
			again.Name, again.Title, again.InC = w.Name+"-c", w.Title+", in C", true
			all = append(all, &again)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no workloads in %s: start the suite in the project's folder", dir)
	}
	return all, nil
}

// loadWorkload reads one folder. Its number is not part of the name.
func loadWorkload(dir string) (*workload, error) {
	file := filepath.Join(dir, "workload.toml")
	w := &workload{Method: "GET", Path: "/", Status: 200, Repeat: 1, dir: dir}
	meta, err := toml.DecodeFile(file, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("%s: unknown key %s", file, unknown[0])
	}
	w.Name = strings.TrimLeft(filepath.Base(dir), "0123456789-")
	w.Body = strings.Repeat(w.Body, w.Repeat)
	text, err := os.ReadFile(filepath.Join(dir, "phasm.toml"))
	w.Plugin = strings.Contains(string(text), "[plugins.")
	return w, err
}

// path is what is asked for with one of the keys.
func (w *workload) path(key int) string {
	return strings.ReplaceAll(w.Path, "{n}", strconv.Itoa(key))
}

// only keeps the workloads whose names contain one of the words.
func only(all []*workload, words string) ([]*workload, error) {
	if words == "" {
		return all, nil
	}
	var kept []*workload
	for _, w := range all {
		for word := range strings.SplitSeq(words, ",") {
			if strings.Contains(w.Name, word) {
				kept = append(kept, w)
				break
			}
		}
	}
	if len(kept) == 0 {
		var names []string
		for _, w := range all {
			names = append(names, w.Name)
		}
		return nil, fmt.Errorf("no workload is called like %q; there are %s", words, strings.Join(names, ", "))
	}
	return kept, nil
}

// fill writes a template of the workload's folder over a stage.
func (w *workload) fill(file string, s *stage) (string, error) {
	text, err := os.ReadFile(filepath.Join(w.dir, file))
	if err != nil {
		return "", err
	}
	t, err := template.New(file).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return "", err
	}
	var filled strings.Builder
	err = t.Execute(&filled, s)
	return filled.String(), err
}

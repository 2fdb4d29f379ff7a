// Package scaffold writes a plugin to start from: what `phasm new` does.
//
// The plugin is a Go module of its own that needs neither the network nor
// this repository. Its go.mod replaces the module phasm by the directory
// phasm beside it, which gets a copy of the SDK's source.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"text/template"
)

// templates become the plugin's files. The suffix keeps the go command from
// taking them for code and modules of phasm's own.
//
//go:embed all:template
var templates embed.FS

const (
	templateRoot   = "template"
	templateSuffix = ".tmpl"
)

// Write writes a plugin into dir, which must be empty or not there yet; it is
// named after dir's last element. sdk is the SDK's source, with the SDK's
// directory as its root: the embedded phasm/sdk.Source.
//
// The files are returned in the order in which they were written, relative to
// dir and separated by slashes. After an error nothing of them is left.
func Write(dir string, sdk fs.FS) (files []string, err error) {
	files, err = write(dir, sdk)
	if err != nil {
		return nil, fmt.Errorf("cannot make a plugin in %q: %w", dir, err)
	}
	return files, nil
}

func write(dir string, sdk fs.FS) ([]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name, err := nameOf(filepath.Base(abs))
	if err != nil {
		return nil, err
	}
	if err := vacant(abs); err != nil {
		return nil, err
	}
	files, err := plugin(name)
	if err != nil {
		return nil, err
	}
	copied, err := sources(sdk)
	if err != nil {
		return nil, fmt.Errorf("cannot copy the SDK: %w", err)
	}
	return place(abs, append(files, copied...))
}

// file is a file to be written.
type file struct {
	name string // relative to the plugin's directory, separated by slashes
	text []byte
}

// plugin fills in the templates.
func plugin(name string) ([]file, error) {
	var files []file
	err := fs.WalkDir(templates, templateRoot, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		pattern, err := fs.ReadFile(templates, at)
		if err != nil {
			return err
		}
		filled, err := template.New(at).Option("missingkey=error").Parse(string(pattern))
		if err != nil {
			return err
		}
		var text bytes.Buffer
		if err := filled.Execute(&text, map[string]string{"Name": name}); err != nil {
			return err
		}
		at = strings.TrimPrefix(strings.TrimSuffix(at, templateSuffix), templateRoot+"/")
		files = append(files, file{at, text.Bytes()})
		return nil
	})
	return files, err
}

// sources reads the SDK.
func sources(sdk fs.FS) ([]file, error) {
	var files []file
	err := fs.WalkDir(sdk, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sdk, name)
		files = append(files, file{path.Join("phasm/sdk", name), text})
		return err
	})
	if err == nil && len(files) == 0 {
		err = errors.New("it has no files")
	}
	return files, err
}

package scaffold

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// vacant makes sure that dir is empty or not there yet.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	switch info, e := os.Stat(dir); {
	case errors.Is(e, fs.ErrNotExist):
		return nil
	case e == nil && !info.IsDir():
		return errors.New("there is a file of that name")
	case err != nil:
		return err
	case len(entries) > 0:
		return errors.New("the directory is not empty")
	}
	return nil
}

// place writes the files below dir and returns their names. It overwrites
// nothing, and after an error it removes what it wrote.
func place(dir string, files []file) (names []string, err error) {
	var made []string // files and directories, in order
	defer func() {
		if err == nil {
			return
		}
		for _, name := range slices.Backward(made) {
			_ = os.Remove(name)
		}
	}()
	for _, f := range files {
		target := filepath.Join(dir, filepath.FromSlash(f.name))
		if made, err = makeDir(filepath.Dir(target), made); err != nil {
			return nil, err
		}
		out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, err
		}
		made = append(made, target)
		_, err = out.Write(f.text)
		if e := out.Close(); err == nil {
			err = e
		}
		if err != nil {
			return nil, err
		}
		names = append(names, f.name)
	}
	return names, nil
}

// makeDir makes dir and its parents where they are missing, and adds those it
// made to made.
func makeDir(dir string, made []string) ([]string, error) {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		if made, err = makeDir(filepath.Dir(dir), made); err != nil {
			return made, err
		}
		err = os.Mkdir(dir, 0o755)
	}
	if errors.Is(err, fs.ErrExist) {
		return made, nil
	}
	if err != nil {
		return made, err
	}
	return append(made, dir), nil
}

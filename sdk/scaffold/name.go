package scaffold

import (
	"fmt"
	"regexp"
	"strings"
)

// others are the characters that cannot stand in a name everywhere it is
// used: as a module path and as a bare key in TOML.
var others = regexp.MustCompile(`[^a-z0-9_-]+`)

// reserved names are no module paths (golang.org/ref/mod#go-mod-file-ident).
var reserved = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)

// nameOf makes the plugin's name out of its directory's.
func nameOf(dir string) (string, error) {
	name := strings.Trim(others.ReplaceAllString(strings.ToLower(dir), "-"), "-_")
	if name == "" {
		return "", fmt.Errorf("%q makes no name for a plugin; choose one with letters a to z or digits", dir)
	}
	if reserved.MatchString(name) {
		return "", fmt.Errorf("the name %q is reserved on Windows, and Go refuses it everywhere; choose another one", name)
	}
	return name, nil
}

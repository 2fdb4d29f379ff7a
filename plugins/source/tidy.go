package source

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// maxLines bounds the compiler's lines in one error.
const maxLines = 20

// place is the file:line at the start of a compiler's line.
var place = regexp.MustCompile(`^[^\s:]+\.(go|s|mod|work|sum):\d+`)

// tidy makes an error text of what the go command wrote to standard error:
// the compiler's lines, with file names that lead from where the user is to
// the source directory shown, without the command's progress and the
// compiler's own stack traces.
func tidy(output, shown string) string {
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, " \t\r\n")
		if strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(line, "runtime stack:") {
			break
		}
		if noise(line) {
			continue
		}
		if place.MatchString(line) && !filepath.IsAbs(line) {
			line = filepath.Join(shown, line[:strings.IndexByte(line, ':')]) + line[strings.IndexByte(line, ':'):]
		}
		lines = append(lines, line)
	}
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("… and %d lines more", more))
	}
	return strings.Join(lines, "\n")
}

func noise(line string) bool {
	return line == "" ||
		strings.HasPrefix(line, "# ") ||
		strings.HasPrefix(line, "go: downloading ") ||
		strings.HasPrefix(line, "go: finding ")
}

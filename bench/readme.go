package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// README shows the results between these two lines.
const (
	readmeBegin = "<!-- bench: written by go run ./bench -readme -->\n"
	readmeEnd   = "<!-- bench: end -->\n"
)

// intoReadme puts the tables into a page, and the chart where there is one.
func (r *results) intoReadme(page, chart string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(text, []byte(readmeBegin))
	_, after, ends := bytes.Cut(rest, []byte(readmeEnd))
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the results: the lines\n%s%s", page, readmeBegin, readmeEnd)
	}
	var b bytes.Buffer
	b.Write(before)
	b.WriteString(readmeBegin)
	if chart != "" {
		from, err := filepath.Rel(filepath.Dir(page), chart)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "![What a request costs, phasm and OpenResty](%s)\n\n", filepath.ToSlash(from))
	}
	r.markdown(&b)
	b.WriteString(readmeEnd)
	b.Write(after)
	return os.WriteFile(page, b.Bytes(), 0o644)
}

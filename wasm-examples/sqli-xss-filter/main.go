// Package main is sqli-xss-filter: it turns away requests whose arguments look
// like SQL, or whose body looks like a script for the next reader.
package main

import (
	"errors"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(inspect)
}

func main() {}

// pattern is what no value may match.
type pattern struct {
	name string
	re   *sdk.Regexp
}

// gap is what may stand between two words of SQL: blanks, comments, brackets.
const gap = `(?:\s|/\*.*?\*/|[(+])+`

var inQuery = []pattern{
	{"union select", compile(`\bunion` + gap + `(?:(?:all|distinct)` + gap + `)?select\b`)},
	{"drop table", compile(`\bdrop` + gap + `table\b`)},
	{"insert into", compile(`\binsert` + gap + `into\b`)},
	{"delete from", compile(`\bdelete` + gap + `from\b`)},
	{"update set", compile(`\bupdate\b.+\bset\b`)},
	{"exec", compile(`\bexec(?:ute)?\s*\(`)},
	{"script", compile(`<\s*/?script`)},
	{"script URL", compile(`(?:java|vb)script\s*:`)},
	{"event handler", handler},
}

var inBody = []pattern{
	{"script", compile(`<\s*/?script`)},
	{"script URL", compile(`(?:java|vb)script\s*:`)},
	{"event handler", handler},
}

var handler = compile(`\bon(?:load|error|click|mouseover)\s*=`)

// compile makes an expression for which case does not count and a dot is any
// character.
func compile(text string) *sdk.Regexp { return sdk.MustCompile("(?is)" + text) }

const defaultMaxBody = 1 << 20 // bytes

var maxBody int

func configure() (err error) {
	maxBody, err = sdk.ConfigInt("max_body", defaultMaxBody)
	return err
}

func inspect(r *sdk.Request) sdk.Action {
	for name, value := range r.Queries() {
		for i := range inQuery {
			if inQuery[i].re.Match(value) || inQuery[i].re.Match(name) {
				sdk.Warn("request refused: argument " + strconv.Quote(name) + " has " + inQuery[i].name + ", client " + r.Variable("remote_addr"))
				return refuse(r, "Invalid request")
			}
		}
	}
	body, err := r.BodyBytes(maxBody)
	switch {
	case errors.Is(err, sdk.ErrNoMemory):
		return r.Exit(413)
	case errors.Is(err, sdk.ErrTimeout):
		return r.Exit(408)
	case err != nil:
		return r.Exit(400)
	}
	found := search(body)
	if found == "" && r.IsForm() {
		found = search(sdk.AppendUnescaped(body[:0], body))
	}
	if found != "" {
		sdk.Warn("request refused: the body has " + found + ", client " + r.Variable("remote_addr"))
		return refuse(r, "Invalid request content")
	}
	return sdk.Continue
}

// search is the name of the first pattern that a body matches, empty where it
// matches none.
func search(body []byte) string {
	for i := range inBody {
		if inBody[i].re.MatchBytes(body) {
			return inBody[i].name
		}
	}
	return ""
}

func refuse(r *sdk.Request, why string) sdk.Action {
	r.Response().SetStatus(400)
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(why + "\n")
	return sdk.Final
}

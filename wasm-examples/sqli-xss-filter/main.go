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

// patterns are what no value may match. Case does not count, and a dot is any
// character.
type patterns struct {
	names []string
	set   *sdk.RegexpSet
}

// declare makes patterns of names, each followed by its text.
func declare(pairs ...string) patterns {
	var p patterns
	var texts []string
	for i := 0; i < len(pairs); i += 2 {
		p.names = append(p.names, pairs[i])
		texts = append(texts, "(?is)"+pairs[i+1])
	}
	p.set = sdk.MustCompileSet(texts...)
	return p
}

// gap is what may stand between two words of SQL: blanks, comments, brackets.
const gap = `(?:\s|/\*.*?\*/|[(+])+`

const (
	script    = `<\s*/?script`
	scriptURL = `(?:java|vb)script\s*:`
	handler   = `\bon(?:load|error|click|mouseover)\s*=`
)

var inQuery = declare(
	"union select", `\bunion`+gap+`(?:(?:all|distinct)`+gap+`)?select\b`,
	"drop table", `\bdrop`+gap+`table\b`,
	"insert into", `\binsert`+gap+`into\b`,
	"delete from", `\bdelete`+gap+`from\b`,
	"update set", `\bupdate\b.+\bset\b`,
	"exec", `\bexec(?:ute)?\s*\(`,
	"script", script,
	"script URL", scriptURL,
	"event handler", handler,
)

var inBody = declare("script", script, "script URL", scriptURL, "event handler", handler)

const defaultMaxBody = 1 << 20 // bytes

var maxBody int

func configure() (err error) {
	maxBody, err = sdk.ConfigInt("max_body", defaultMaxBody)
	return err
}

func inspect(r *sdk.Request) sdk.Action {
	for name, value := range r.Queries() {
		found := inQuery.in(value)
		if found == "" {
			found = inQuery.in(name)
		}
		if found != "" {
			sdk.Warn("request refused: argument " + strconv.Quote(name) + " has " + found + ", client " + r.Variable("remote_addr"))
			return refuse(r, "Invalid request")
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
	found := inBody.inBytes(body)
	if found == "" && r.IsForm() {
		found = inBody.inBytes(sdk.AppendUnescaped(body[:0], body))
	}
	if found != "" {
		sdk.Warn("request refused: the body has " + found + ", client " + r.Variable("remote_addr"))
		return refuse(r, "Invalid request content")
	}
	return sdk.Continue
}

// in is the name of the first pattern that a text matches, empty where it
// matches none.
func (p patterns) in(text string) string {
	if n, found := p.set.Match(text); found {
		return p.names[n]
	}
	return ""
}

// inBytes is in for bytes.
func (p patterns) inBytes(text []byte) string {
	if n, found := p.set.MatchBytes(text); found {
		return p.names[n]
	}
	return ""
}

func refuse(r *sdk.Request, why string) sdk.Action {
	r.Response().SetStatus(400)
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(why + "\n")
	return sdk.Final
}

// Package main is waf: a small web application firewall. Requests whose
// arguments or body match one of its rules are turned away.
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

// defaults are the rules where the configuration has none.
var defaults = [][2]string{
	{"union-select", `union.*select`},
	{"always-true", `or.*1=1`},
	{"script", `<script`},
	{"javascript", `javascript:`},
}

const defaultMaxBody = 1 << 20 // bytes

var (
	names   []string // of the rules, patterns that no argument and no body may match
	rules   *sdk.RegexpSet
	maxBody int
)

func configure() (err error) {
	if maxBody, err = sdk.ConfigInt("max_body", defaultMaxBody); err != nil {
		return err
	}
	patterns := defaults
	if sdk.HasConfig("rules") {
		keys, err := sdk.ConfigKeys("rules")
		if err != nil {
			return err
		}
		patterns = nil
		for _, name := range keys {
			patterns = append(patterns, [2]string{name, sdk.Config("rules." + name)})
		}
	}
	names = nil
	var texts []string
	for _, p := range patterns {
		names = append(names, p[0])
		texts = append(texts, "(?is)"+p[1]) // no case, and a dot is any character
	}
	if rules, err = sdk.CompileSet(texts...); err != nil {
		return errors.New("cannot use config.rules: " + err.Error())
	}
	return nil
}

func inspect(r *sdk.Request) sdk.Action {
	for name, value := range r.Queries() {
		if broken := violated(name); broken != "" {
			return refuse(r, broken, "an argument's name")
		}
		if broken := violated(value); broken != "" {
			return refuse(r, broken, "argument "+strconv.Quote(name))
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
	if broken := violatedBy(body); broken != "" {
		return refuse(r, broken, "the body")
	}
	if r.IsForm() {
		if broken := violatedBy(sdk.AppendUnescaped(body[:0], body)); broken != "" {
			return refuse(r, broken, "the body")
		}
	}
	return sdk.Continue
}

// violated is the name of the first rule that a text breaks, empty where it
// breaks none.
func violated(text string) string {
	if n, found := rules.Match(text); found {
		return names[n]
	}
	return ""
}

// violatedBy is violated for bytes.
func violatedBy(text []byte) string {
	if n, found := rules.MatchBytes(text); found {
		return names[n]
	}
	return ""
}

func refuse(r *sdk.Request, rule, where string) sdk.Action {
	sdk.Warn("request refused: " + where + " breaks rule " + rule + ", client " + r.Variable("remote_addr"))
	return r.Exit(403)
}

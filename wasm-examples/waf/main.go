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

// rule is a pattern that no argument and no body may match.
type rule struct {
	name string
	re   *sdk.Regexp
}

// defaults are the rules where the configuration has none.
var defaults = [][2]string{
	{"union-select", `union.*select`},
	{"always-true", `or.*1=1`},
	{"script", `<script`},
	{"javascript", `javascript:`},
}

const defaultMaxBody = 1 << 20 // bytes

var (
	rules   []rule
	maxBody int
)

func configure() (err error) {
	if maxBody, err = sdk.ConfigInt("max_body", defaultMaxBody); err != nil {
		return err
	}
	patterns := defaults
	if sdk.HasConfig("rules") {
		names, err := sdk.ConfigKeys("rules")
		if err != nil {
			return err
		}
		patterns = nil
		for _, name := range names {
			patterns = append(patterns, [2]string{name, sdk.Config("rules." + name)})
		}
	}
	rules = rules[:0]
	for _, p := range patterns {
		re, err := sdk.Compile("(?is)" + p[1]) // no case, and a dot is any character
		if err != nil {
			return errors.New("cannot use config.rules." + p[0] + ": " + err.Error())
		}
		rules = append(rules, rule{p[0], re})
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
	for i := range rules {
		if rules[i].re.Match(text) {
			return rules[i].name
		}
	}
	return ""
}

// violatedBy is violated for bytes.
func violatedBy(text []byte) string {
	for i := range rules {
		if rules[i].re.MatchBytes(text) {
			return rules[i].name
		}
	}
	return ""
}

func refuse(r *sdk.Request, rule, where string) sdk.Action {
	sdk.Warn("request refused: " + where + " breaks rule " + rule + ", client " + r.Variable("remote_addr"))
	return r.Exit(403)
}

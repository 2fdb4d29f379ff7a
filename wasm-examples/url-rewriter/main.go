// Package main is url-rewriter: it sends requests for old paths to their new
// ones, inside the server, by rules from the configuration.
package main

import (
	"errors"
	"strconv"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Rewrite(rewrite)
	sdk.HeaderFilter(tell)
}

func main() {}

// rewritten is the context's key for the target that a request was sent to.
// The context survives the internal redirect; the plugin acts once.
const rewritten = "url-rewriter.target"

var (
	rules []rule
	tells string // the response header that names the new target, empty for none
)

func configure() (err error) {
	tells = sdk.Config("header")
	rules, err = readRules()
	return err
}

func readRules() ([]rule, error) {
	prefixes, err := sdk.ConfigKeys("rules")
	if err != nil {
		return nil, err
	}
	var list []rule
	for _, prefix := range prefixes {
		r := rule{prefix, sdk.Config("rules." + prefix)}
		if err := r.check(); err != nil {
			return nil, err
		}
		list = insert(list, r)
	}
	if len(list) == 0 {
		return nil, errors.New(`there are no rules: write for example [plugins.NAME.config.rules] with "/old/" = "/new/"`)
	}
	return list, nil
}

// rewrite begins the request anew at its new path. The query stays as it is.
func rewrite(r *sdk.Request) sdk.Action {
	if r.HasCtx(rewritten) {
		return sdk.Continue
	}
	path, found := apply(rules, r.Path())
	if !found {
		return sdk.Continue
	}
	target := escape(path)
	if query := r.QueryString(); query != "" {
		target += "?" + query
	}
	if err := r.SetCtx(rewritten, target); err != nil {
		sdk.Error("cannot note the new target: " + err.Error())
		return r.Exit(500)
	}
	return r.Exec(target)
}

// tell lets the client see where it ended up, which helps to find faults.
func tell(r *sdk.Request) {
	if tells != "" && r.HasCtx(rewritten) {
		r.Response().SetHeader(tells, r.Ctx(rewritten))
	}
}

// rule replaces the begin of a path.
type rule struct{ from, to string }

func (r rule) check() error {
	wrong := ""
	switch {
	case !strings.HasPrefix(r.from, "/") || !strings.HasPrefix(r.to, "/"):
		wrong = "both begin with a slash"
	case strings.HasSuffix(r.from, "/") != strings.HasSuffix(r.to, "/"):
		wrong = "both end in a slash, or neither does" // else "/old/" = "/new" would make /newpage of /old/page
	default:
		return nil
	}
	return errors.New("cannot use the rule " + strconv.Quote(r.from) + " = " + strconv.Quote(r.to) + ": " + wrong)
}

package main

import "phasm/sdk"

var (
	rules *sdk.RegexpSet
	body  []byte // keeps its room
)

// patterns are those of the configuration of the other side.
var patterns = []string{
	`(?:union\s+(?:all\s+)?select|select\s.+\sfrom\s|insert\s+into\s|delete\s+from\s|drop\s+table)`,
	`(?:'|\")\s*(?:or|and)\s+(?:'|\"|\d)`,
	`<\s*script|javascript\s*:|on(?:load|error|click|mouseover)\s*=`,
	`\.\./|\.\.\\|/etc/(?:passwd|shadow)`,
	`(?:;|\||` + "`" + `|\$\()\s*(?:cat|ls|id|wget|curl|bash|sh)\b`,
	`(?:sleep|benchmark|waitfor)\s*\(`,
	`(?:load_file|into\s+outfile|information_schema)`,
	`(?:<!entity|<!doctype[^>]+\[)`,
}

func compileRules() (err error) {
	for i, p := range patterns {
		patterns[i] = "(?i)" + p
	}
	rules, err = sdk.CompileSet(patterns...)
	return err
}

// checkQuery turns away queries that look like an attack.
func checkQuery(r *sdk.Request) sdk.Action {
	query, err := r.AppendQueryString(buffer[:0])
	if err != nil {
		return r.Exit(400)
	}
	return checked(r, query)
}

// checkBody does it with bodies.
func checkBody(r *sdk.Request) sdk.Action {
	var err error
	if body, err = r.AppendBody(body[:0], 1<<20); err != nil {
		return r.Exit(400)
	}
	return checked(r, body)
}

func clean(r *sdk.Request) sdk.Action { return text(r, "clean\n") }

func checked(r *sdk.Request, text []byte) sdk.Action {
	if _, found := rules.MatchBytes(text); found {
		return r.Exit(403)
	}
	return sdk.Continue
}

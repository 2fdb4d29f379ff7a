package config

import (
	"reflect"

	"phasm/plugins/httpclient"
)

// host reports a text that should be a grant of an HTTP host and is none.
func (l *loader) host(path, text string, tag reflect.StructTag) {
	if tag.Get("form") != "http" {
		return
	}
	if _, err := httpclient.ParseGrant(text); err != nil {
		l.problem(path, "%s grants no host: %v", describe(text), err)
	}
}

// Package main is rate-limit: it counts the requests of each address in a zone
// that all instances share, and turns away what is over the limit of the
// window. The API has a limit of its own.
package main

import (
	"strconv"
	"strings"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(limit)
}

func main() {}

// rule is what one part of the paths allows.
type rule struct {
	name  string // ahead of the address in the zone's keys
	burst int    // requests over the limit that are let through all the same
	text  string // for what is turned away
	sdk.CountLimit
}

var (
	zone   = sdk.OpenZone("rates")
	prefix string
	rest   = rule{name: "all ", text: "Rate limit exceeded\n"}
	api    = rule{name: "api ", text: "API rate limit exceeded\n"}
)

func configure() error {
	window, err := sdk.ConfigDuration("window", time.Minute)
	if err != nil {
		return err
	}
	prefix = sdk.ConfigOr("api.prefix", "/api/")
	if err := rest.configure("", 100, 0, window); err != nil {
		return err
	}
	return api.configure("api.", 1000, 50, window)
}

func (l *rule) configure(key string, limit, burst int, window time.Duration) (err error) {
	if limit, err = sdk.ConfigInt(key+"limit", limit); err != nil {
		return err
	}
	if l.burst, err = sdk.ConfigInt(key+"burst", burst); err != nil {
		return err
	}
	l.CountLimit = sdk.CountLimit{Zone: zone, Limit: limit + l.burst, Window: sdk.TTL(window)}
	return nil
}

// limit counts the request, and says in its answer how many more there may be.
func limit(r *sdk.Request) sdk.Action {
	l := &rest
	if strings.HasPrefix(r.Path(), prefix) {
		l = &api
	}
	count, err := l.Take(l.name + r.RemoteAddr())
	if err != nil {
		sdk.Error("cannot count a request: " + err.Error()) // it is let through
		return sdk.Continue
	}
	reset := strconv.FormatInt((int64(count.Reset)+999_999_999)/1_000_000_000, 10)
	w := r.Response()
	w.SetHeader("X-RateLimit-Limit", strconv.Itoa(l.Limit-l.burst))
	w.SetHeader("X-RateLimit-Remaining", strconv.Itoa(max(0, count.Remaining-l.burst)))
	w.SetHeader("X-RateLimit-Reset", reset)
	if count.OK {
		return sdk.Continue
	}
	w.SetHeader("Retry-After", reset)
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.WriteString(l.text)
	return r.Exit(429)
}

package main

import (
	"time"

	"phasm/sdk"
)

var most int

func configureLimit() (err error) {
	most, err = sdk.ConfigInt("most", 0)
	return err
}

// limit lets those through who have the token, so often each.
func limit(r *sdk.Request) sdk.Action {
	if token, err := r.AppendHeader(buffer[:0], "Authorization"); err != nil || string(token) != "Bearer secret" {
		return r.Exit(401)
	}
	client, err := r.AppendVariable(buffer[:0], "remote_addr")
	if err != nil {
		return r.Exit(500)
	}
	n, err := store.IncrFrom(string(client), 1, 0, sdk.TTL(time.Hour))
	switch {
	case err != nil:
		return r.Exit(500)
	case n > int64(most):
		r.Response().SetStatus(429)
		return text(r, "too many requests\n")
	}
	return sdk.Continue
}

func welcome(r *sdk.Request) sdk.Action { return text(r, "welcome\n") }

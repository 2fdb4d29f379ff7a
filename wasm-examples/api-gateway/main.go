// Package main is api-gateway: access asks for a token and counts requests,
// content sends the request on to the service behind and streams the answer
// back.
package main

import (
	"crypto/subtle"
	"errors"
	"strconv"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(access)
	sdk.Content(content)
}

func main() {}

// What the configuration says.
var (
	tokens  []string
	service string // the URL of the service behind, without a path
	timeout int64  // until its answer begins, in nanoseconds

	// limit holds for all instances together: they count in a zone.
	limit = sdk.CountLimit{Zone: sdk.OpenZone("rates"), Window: sdk.TTL(time.Minute)}
)

func configure() (err error) {
	if tokens, err = sdk.ConfigList("tokens"); err != nil {
		return err
	}
	if service = sdk.Config("service"); service == "" || len(tokens) == 0 {
		return errors.New(`config needs a service and tokens, such as {service = "http://127.0.0.1:9000", tokens = ["…"]}`)
	}
	if limit.Limit, err = sdk.ConfigInt("limit", 1000); err != nil {
		return err
	}
	timeout, err = sdk.ConfigDuration("timeout", int64(5e9))
	return err
}

// access lets requests in that have a token, as long as their client has not
// sent too many.
func access(r *sdk.Request) sdk.Action {
	if !known(r.Header("Authorization")) {
		r.Response().SetHeader("WWW-Authenticate", "Bearer")
		return refuse(r, 401, "Unauthorized")
	}
	count, err := limit.Take(r.RemoteAddr())
	switch {
	case err != nil:
		sdk.Error("cannot count a request: " + err.Error()) // it is let through
	case !count.OK:
		w := r.Response()
		w.SetHeader("X-RateLimit-Limit", strconv.Itoa(limit.Limit))
		w.SetHeader("X-RateLimit-Remaining", "0")
		w.SetHeader("Retry-After", strconv.FormatInt((int64(count.Reset)-1)/1e9+1, 10))
		return refuse(r, 429, "API rate limit exceeded")
	}
	return sdk.Continue
}

// known tells whether the credentials are a token's. How long that takes says
// nothing about the tokens.
func known(credentials string) bool {
	const scheme = "Bearer "
	if len(credentials) < len(scheme) || credentials[:len(scheme)] != scheme {
		return false
	}
	found := 0
	for _, token := range tokens {
		found |= subtle.ConstantTimeCompare([]byte(token), []byte(credentials[len(scheme):]))
	}
	return found == 1
}

// content sends the request on. The client may see of a failure what it has to
// know, the log has the rest.
func content(r *sdk.Request) sdk.Action {
	resp, err := sdk.Fetch(forward(r))
	if err == nil {
		err = answer(r, resp)
	}
	switch {
	case err == nil, errors.Is(err, sdk.ErrClosed): // the client has gone
		return sdk.Final
	case errors.Is(err, sdk.ErrTimeout):
		sdk.Error(err.Error())
		return refuse(r, 504, "Gateway Timeout")
	}
	sdk.Error(err.Error())
	return refuse(r, 502, "Bad Gateway")
}

func refuse(r *sdk.Request, status int, text string) sdk.Action {
	w := r.Response()
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.WriteString(text + "\n")
	return r.Exit(status)
}

// Package main is canary: it sends a part of the users to a new version, and
// each user always to the same one.
package main

import (
	"errors"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Rewrite(choose)
	sdk.Balancer(pick)
	sdk.HeaderFilter(tell)
}

func main() {}

// Versions, as the request's header and the context's value name them.
const (
	stable = "stable"
	canary = "canary"
)

// key is the version's name in the exchange's context.
const key = "canary.version"

var (
	percent    int
	userHeader string
	newPeers   []string // those of an upstream's that have the new version
)

func configure() (err error) {
	userHeader = sdk.ConfigOr("user_header", "X-User-Id")
	if percent, err = sdk.ConfigInt("percent", 10); err != nil {
		return err
	}
	if percent < 0 || percent > 100 {
		return errors.New("config.percent is not between 0 and 100")
	}
	newPeers, err = sdk.ConfigList("peers")
	return err
}

// choose notes the version for what comes after: in the request's header
// X-Version, which replaces one of the client's, and in the context.
func choose(r *sdk.Request) sdk.Action {
	version := stable
	if bucket(userOf(r)) < percent {
		version = canary
	}
	if err := errors.Join(r.SetHeader("X-Version", version), r.SetCtx(key, version)); err != nil {
		sdk.Error("cannot note the version: " + err.Error())
		return r.Exit(500)
	}
	return sdk.Continue
}

// tell lets the client see the version.
func tell(r *sdk.Request) {
	if r.HasCtx(key) {
		r.Response().SetHeader("X-Version", r.Ctx(key))
	}
}

// userOf names the user: by the header, the cookie user, or the address.
func userOf(r *sdk.Request) string {
	if user := r.Header(userHeader); user != "" {
		return user
	}
	if user := r.Variable("cookie_user"); user != "" {
		return user
	}
	return r.Variable("remote_addr")
}

// bucket is md5(user) mod 100: the same number for a user each time, and each
// of the hundred for as many users.
func bucket(user string) int {
	rest := 0
	for _, b := range sdk.MD5([]byte(user)) {
		rest = (rest<<8 | int(b)) % 100
	}
	return rest
}

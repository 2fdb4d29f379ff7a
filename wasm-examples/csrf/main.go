// Package main is csrf: requests that change something need a token that only
// the site's own pages can know.
package main

import (
	"errors"
	"strconv"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(check)
	sdk.Content(issue)
}

func main() {}

const minSecret = 16 // bytes

var (
	secret        []byte
	window        time.Duration // how long a token is good at least, and at most twice that
	sessionCookie string
)

func configure() (err error) {
	if secret = []byte(sdk.Config("secret")); len(secret) < minSecret {
		return errors.New("config.secret has " + strconv.Itoa(len(secret)) + " bytes, at least " + strconv.Itoa(minSecret) + ": openssl rand -hex 32 makes one")
	}
	if window, err = sdk.ConfigDuration("window", time.Hour); err != nil {
		return err
	}
	if window < time.Second {
		return errors.New("config.window is less than a second")
	}
	sessionCookie = sdk.ConfigOr("session_cookie", "session")
	return nil
}

// check keeps out what changes something without a token.
func check(r *sdk.Request) sdk.Action {
	switch r.Method() {
	case "POST", "PUT", "PATCH", "DELETE":
	default:
		return sdk.Continue
	}
	token := r.Header("X-CSRF-Token")
	if token == "" {
		token = r.Variable("cookie_csrf_token")
	}
	if token == "" {
		return refuse(r, "CSRF token required")
	}
	session := r.Variable("cookie_" + sessionCookie)
	if session == "" || !valid(session, []byte(token), sdk.Now()) {
		return refuse(r, "Invalid CSRF token")
	}
	return sdk.Continue
}

// issue answers the token of the client's session. A client without one gets
// a new session.
func issue(r *sdk.Request) sdk.Action {
	session := r.Variable("cookie_" + sessionCookie)
	if session == "" {
		var b [16]byte
		sdk.Random(b[:])
		session = sdk.Base64RawURL.Encode(b[:])
		r.Response().AddHeader("Set-Cookie", sessionCookie+"="+session+"; Path=/; HttpOnly; SameSite=Lax")
	}
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().SetHeader("Cache-Control", "no-store")
	r.Response().WriteString(tokenOf(session, begin(sdk.Now())) + "\n")
	return sdk.Final
}

// begin is the second since 1970 at which the window of a time began.
func begin(now int64) int64 { return (now - now%int64(window)) / int64(time.Second) }

// valid tells whether a token was made in this window or the one before.
func valid(session string, token []byte, now int64) bool {
	this, last := tokenOf(session, begin(now)), tokenOf(session, begin(now-int64(window)))
	// Both, so that the time does not tell which one it is.
	isThis, isLast := sdk.EqualConstantTime(token, []byte(this)), sdk.EqualConstantTime(token, []byte(last))
	return isThis || isLast
}

// tokenOf is base64(HMAC-SHA1(secret, session + time)). The time has ten
// digits until 2286, so nothing of it can pass for the session's.
func tokenOf(session string, at int64) string {
	sum := sdk.HMACSHA1(secret, strconv.AppendInt([]byte(session), at, 10))
	return sdk.Base64.Encode(sum[:])
}

func refuse(r *sdk.Request, why string) sdk.Action {
	r.Response().SetStatus(403)
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(why + "\n")
	return sdk.Final
}

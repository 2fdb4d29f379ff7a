// Package main is maintenance: while a switch in a zone is on, everybody but
// some addresses gets a page that says so, and who has the token turns it.
package main

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(guard)
	sdk.Content(turn)
}

func main() {}

const (
	key      = "maintenance" // in the zone, while the switch is on
	minToken = 16            // bytes
)

var (
	zone    = sdk.OpenZone("switches")
	token   []byte
	path    string // where the switch is turned: it stays open
	page    string
	retry   time.Duration // until clients are to try again, where nobody knows how long it lasts
	allowed []netip.Prefix
)

func configure() (err error) {
	if token = []byte(sdk.Config("token")); len(token) < minToken {
		return errors.New("config.token has " + strconv.Itoa(len(token)) + " bytes, at least " + strconv.Itoa(minToken) + ": openssl rand -hex 32 makes one")
	}
	path = sdk.ConfigOr("path", "/maintenance")
	page = sdk.ConfigOr("page", "<!doctype html>\n<title>Maintenance</title>\n<p>We will be back soon.\n")
	if retry, err = sdk.ConfigDuration("retry_after", 5*time.Minute); err != nil {
		return err
	}
	var list []string
	if sdk.HasConfig("allow") {
		if list, err = sdk.ConfigList("allow"); err != nil {
			return err
		}
	}
	allowed = allowed[:0]
	for _, text := range list {
		network, err := parse(text)
		if err != nil {
			return errors.New("config.allow: " + strconv.Quote(text) + ` is no address and no network, such as "192.0.2.0/24"`)
		}
		allowed = append(allowed, network)
	}
	return nil
}

// parse reads a network, or an address as a network of one.
func parse(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// guard answers in the place of everything else while the switch is on.
func guard(r *sdk.Request) sdk.Action {
	left, err := zone.TTL(key)
	switch {
	case err == sdk.ErrNotFound:
		return sdk.Continue
	case err != nil:
		sdk.Error("cannot look at the switch: " + err.Error()) // as if it were off
		return sdk.Continue
	case r.Path() == path, passes(r.RemoteAddr()):
		return sdk.Continue
	}
	wait := retry
	if left > 0 {
		wait = time.Duration(left)
	}
	w := r.Response()
	w.SetStatus(503)
	w.SetHeader("Retry-After", seconds(wait))
	w.SetHeader("Cache-Control", "no-store")
	w.SetHeader("Content-Type", "text/html; charset=utf-8")
	w.WriteString(page)
	return sdk.Final
}

// passes tells whether an address is let through all the same.
func passes(text string) bool {
	address, err := netip.ParseAddr(text)
	for _, network := range allowed {
		if err == nil && network.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// turn tells how the switch stands, and turns it: PUT on, for as long as the
// argument for says, DELETE off.
func turn(r *sdk.Request) sdk.Action {
	if !sdk.EqualConstantTime([]byte(r.Header("Authorization")), append([]byte("Bearer "), token...)) {
		r.Response().SetHeader("WWW-Authenticate", "Bearer")
		return text(r, 401, "Unauthorized")
	}
	var err error
	switch r.Method() {
	case "GET":
	case "PUT":
		var ttl time.Duration
		if given := r.Query("for"); given != "" {
			if ttl, err = time.ParseDuration(given); err != nil || ttl < time.Second {
				return text(r, 400, `for is at least a second, as in for=30m`)
			}
		}
		err = zone.Set(key, sdk.Bool(true), sdk.TTL(ttl))
		sdk.Warn("maintenance is turned on by " + r.RemoteAddr())
	case "DELETE":
		err = zone.Delete(key)
		sdk.Warn("maintenance is turned off by " + r.RemoteAddr())
	default:
		r.Response().SetHeader("Allow", "GET, PUT, DELETE")
		return text(r, 405, "Method not allowed")
	}
	if err == nil {
		var left sdk.TTL
		switch left, err = zone.TTL(key); {
		case err == sdk.ErrNotFound:
			return text(r, 200, "off")
		case err == nil && left > 0:
			return text(r, 200, "on for "+seconds(time.Duration(left))+" seconds")
		case err == nil:
			return text(r, 200, "on")
		}
	}
	sdk.Error("cannot turn the switch: " + err.Error())
	return text(r, 500, "The switch cannot be turned")
}

// seconds is a time in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func text(r *sdk.Request, status int, body string) sdk.Action {
	w := r.Response()
	w.SetStatus(status)
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.SetHeader("Cache-Control", "no-store")
	w.WriteString(body + "\n")
	return sdk.Final
}

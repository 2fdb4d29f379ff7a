// Package main is dynamic-routing: a header of the request names the server
// that it goes to, and servers register while requests are served.
package main

import (
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Access(access)
	sdk.Balancer(choose)
}

func main() {}

// servers has the address of each server by its name. The configuration keeps
// it in a file.
var servers = sdk.OpenZone("servers")

var registerPath string

func configure() error {
	registerPath = sdk.ConfigOr("register", "/register")
	return configureAddresses()
}

func access(r *sdk.Request) sdk.Action {
	if r.Path() == registerPath {
		return register(r)
	}
	return route(r)
}

// target is where a request goes, in the exchange's context.
const target = "dynamic-routing.target"

// route finds out where a request goes.
func route(r *sdk.Request) sdk.Action {
	name := r.Header("X-Server-Name")
	if name == "" {
		return text(r, 400, "Bad Request: X-Server-Name header is required for /sys requests")
	}
	registered, err := servers.Get(name)
	switch {
	case err == sdk.ErrNotFound:
		return text(r, 404, "Not Found: Server '"+name+"' is not registered")
	case err != nil:
		sdk.Error("cannot look up server " + strconv.Quote(name) + ": " + err.Error())
		return r.Exit(500)
	}
	address, err := addressOf(registered.String())
	if err == nil {
		err = r.SetCtx(target, address)
	}
	if err != nil {
		sdk.Error("cannot pass a request on to server " + strconv.Quote(name) + ": " + err.Error())
		return r.Exit(502)
	}
	return sdk.Continue
}

func text(r *sdk.Request, status int, body string) sdk.Action {
	w := r.Response()
	w.SetStatus(status)
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.SetHeader("X-Content-Type-Options", "nosniff") // the body has a name of the client's
	w.WriteString(body + "\n")
	return sdk.Final
}

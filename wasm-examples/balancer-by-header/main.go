// Package main is balancer-by-header: a header of the request names the peer
// that it is passed on to.
package main

import (
	"errors"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Balancer(choose)
}

func main() {}

var header string

func configure() error {
	header = sdk.ConfigOr("header", "X-Backend")
	if !sdk.HasConfig("peers") {
		return errors.New("config.peers has the peers by their names, as in {blue = \"127.0.0.1:9001\"}")
	}
	return nil
}

// choose sends a request to the peer it names. Without a name, and where that
// peer has not answered, the upstream's own balance decides.
func choose(r *sdk.Request, c *sdk.Choice) sdk.Action {
	name := r.Header(header)
	if name == "" {
		return sdk.Continue
	}
	if _, again := c.LastFailure(); again {
		return sdk.Continue
	}
	address := addressOf(name)
	if address == "" {
		return r.Exit(404)
	}
	if err := c.MoreTries(1); err != nil { // the one it named is not to cost it another
		sdk.Warn("cannot have more tries: " + err.Error())
	}
	switch err := c.SetAddress(address); {
	case errors.Is(err, sdk.ErrBusy):
		return sdk.Continue
	case err != nil:
		sdk.Error("the upstream has no peer " + address + ", which config.peers calls " + name)
		return r.Exit(502)
	}
	return sdk.Continue
}

// addressOf is the address of a peer by its name, empty where there is none.
// The name comes from the client: it must not lead anywhere else in the
// configuration.
func addressOf(name string) string {
	if strings.Contains(name, ".") {
		return ""
	}
	return sdk.Config("peers." + name)
}

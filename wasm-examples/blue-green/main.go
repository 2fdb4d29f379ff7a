// Package main is blue-green: all requests go to one of two groups of an
// upstream's peers, a value in a zone says to which, and who has begun with the
// other one stays there for a while.
package main

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.Balancer(choose)
	sdk.HeaderFilter(stick)
	sdk.Content(turn)
}

func main() {}

// Keys in the zone: the group that is live, and the one that was before, for
// as long as its users may stay.
const (
	live     = "live"
	draining = "draining"
)

// chosen is the name of a request's group in the exchange's context.
const chosen = "blue-green.group"

const minToken = 16 // bytes

var (
	zone   = sdk.OpenZone("traffic")
	groups = map[string][]string{} // addresses of peers
	first  string                  // the group that is live where nobody has chosen
	cookie string
	drain  time.Duration
	token  []byte
)

func configure() (err error) {
	if token = []byte(sdk.Config("token")); len(token) < minToken {
		return errors.New("config.token has " + strconv.Itoa(len(token)) + " bytes, at least " + strconv.Itoa(minToken) + ": openssl rand -hex 32 makes one")
	}
	cookie = sdk.ConfigOr("cookie", "group")
	if drain, err = sdk.ConfigDuration("drain", 10*time.Minute); err != nil {
		return err
	}
	var names []string
	if sdk.HasConfig("groups") {
		if names, err = sdk.ConfigKeys("groups"); err != nil {
			return err
		}
	}
	clear(groups)
	for _, name := range names {
		if groups[name], err = sdk.ConfigList("groups." + name); err != nil {
			return err
		}
	}
	if first = sdk.Config("first"); groups[first] == nil {
		return errors.New(`config.first is none of config.groups, which are as in {blue = ["127.0.0.1:9001"], green = ["127.0.0.1:9002"]}`)
	}
	return nil
}

// choose sends a request to a peer of its group: the live one, or the one that
// is draining, where the request's cookie names that and a peer of it is up.
func choose(r *sdk.Request, c *sdk.Choice) sdk.Action {
	peers, err := c.Peers()
	if err != nil {
		sdk.Error("cannot see the peers: " + err.Error())
		return r.Exit(502)
	}
	if old := drainingGroup(); old != "" && r.Variable("cookie_"+cookie) == old && take(r, c, peers, old, onlyUp) {
		return sdk.Continue
	}
	if take(r, c, peers, liveGroup(), anyPeer) {
		return sdk.Continue
	}
	return r.Exit(502)
}

const (
	onlyUp  = true
	anyPeer = false // those that have failed after all others
)

// take chooses the peer of a group that has the fewest requests for its weight,
// and tells whether there is any that the request has not tried.
func take(r *sdk.Request, c *sdk.Choice, peers []sdk.Peer, group string, onlyUp bool) bool {
	var order []int
	for i := range peers {
		p := &peers[i]
		if slices.Contains(groups[group], p.Name) && !p.Tried && (p.Up() || !onlyUp) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := &peers[i], &peers[j]
		switch {
		case a.Up() && !b.Up():
			return -1
		case b.Up() && !a.Up():
			return 1
		}
		return a.Connections*b.Weight - b.Connections*a.Weight
	})
	for _, i := range order {
		if c.Set(i) != nil { // it was taken out, or has no room
			continue
		}
		if err := r.SetCtx(chosen, group); err != nil {
			sdk.Warn("cannot note the group: " + err.Error())
		}
		return true
	}
	return false
}

// liveGroup is the group that new requests go to.
func liveGroup() string {
	v, err := zone.Get(live)
	if err != nil && err != sdk.ErrNotFound {
		sdk.Error("cannot look up the live group: " + err.Error())
	}
	if name := v.String(); groups[name] != nil {
		return name
	}
	return first // also where a reload has taken the group away
}

// drainingGroup is the group whose users may stay, empty where there is none.
func drainingGroup() string {
	v, err := zone.Get(draining)
	if err != nil || groups[v.String()] == nil {
		return ""
	}
	return v.String()
}

// stick has the client's next requests say which group has served this one.
func stick(r *sdk.Request) {
	if group := r.Ctx(chosen); group != "" && r.Variable("cookie_"+cookie) != group {
		r.Response().AddHeader("Set-Cookie", cookie+"="+group+"; Path=/; HttpOnly; SameSite=Lax")
	}
}

// turn tells which group is live, and has PUT make another one it.
func turn(r *sdk.Request) sdk.Action {
	if !sdk.EqualConstantTime([]byte(r.Header("Authorization")), append([]byte("Bearer "), token...)) {
		r.Response().SetHeader("WWW-Authenticate", "Bearer")
		return text(r, 401, "Unauthorized")
	}
	if r.Method() == "PUT" {
		group := r.Param("group")
		if groups[group] == nil {
			return text(r, 404, "There is no such group")
		}
		if err := change(liveGroup(), group); err != nil {
			sdk.Error("cannot make " + group + " live: " + err.Error())
			return text(r, 500, "The traffic cannot be turned")
		}
	}
	state := "live: " + liveGroup()
	if old := drainingGroup(); old != "" {
		left, _ := zone.TTL(draining)
		state += ", draining: " + old + " for " + strconv.FormatInt((int64(left)+999_999_999)/1_000_000_000, 10) + " seconds"
	}
	return text(r, 200, state)
}

// change makes a group live. Who has begun with the one before is let stay
// before anybody is sent elsewhere.
func change(from, to string) error {
	if from == to {
		return nil
	}
	err := zone.Delete(draining)
	if drain > 0 {
		err = zone.Set(draining, sdk.Text(from), sdk.TTL(drain))
	}
	if err == nil {
		err = zone.Set(live, sdk.Text(to), 0)
	}
	if err == nil {
		sdk.Warn("traffic goes to " + to + ", " + from + " is drained")
	}
	return err
}

func text(r *sdk.Request, status int, body string) sdk.Action {
	w := r.Response()
	w.SetStatus(status)
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.SetHeader("Cache-Control", "no-store")
	w.WriteString(body + "\n")
	return sdk.Final
}

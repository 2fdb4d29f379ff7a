// Command limits is a plugin that does to a zone what the path says.
package main

import (
	"strconv"

	"phasm/sdk"
)

var (
	zone  = sdk.OpenZone("zone")
	count = sdk.CountLimit{Zone: zone, Limit: 100, Window: sdk.TTL(3600e9)}
	rate  = sdk.RateLimit{Zone: zone, Rate: 1e-3, Burst: 9}
	conns = sdk.ConnLimit{Zone: zone, Max: 5, Burst: 3}
	lock  = sdk.Lock{Zone: zone}
)

func init() {
	sdk.Access(access)
	sdk.Content(content)
}

func main() {}

// access sleeps on the counts and the buckets: the request's end releases them.
func access(r *sdk.Request) sdk.Action {
	switch r.Path() {
	case "/count":
		if c, err := count.Take("count"); err != nil || !c.OK {
			return r.Exit(429)
		}
	case "/rate":
		if _, _, err := rate.Take("rate"); err != nil {
			return r.Exit(429)
		}
	case "/conns":
		if _, err := conns.Take("conns"); err == sdk.ErrBusy {
			return r.Exit(429)
		} else if err != nil {
			return r.Exit(500)
		}
		n, err := zone.IncrFrom("inside", 1, 0, 0)
		if err != nil || n > 8 {
			return r.Exit(500)
		}
		sdk.Sleep(int64(2e6))
		zone.Incr("inside", -1)
	case "/trap":
		if _, err := conns.Take("conns"); err == nil {
			panic("with a count in hand")
		}
		return r.Exit(429)
	case "/lock":
		unlock, err := lock.Acquire("lock")
		if err != nil {
			sdk.Error("cannot lock: " + err.Error())
			return r.Exit(503)
		}
		n, _ := zone.Get("locked")
		zone.Set("locked", sdk.Int(n.Int()+1), 0)
		unlock()
	}
	return sdk.Continue
}

// content answers what is under the key that the query names.
func content(r *sdk.Request) sdk.Action {
	if key := r.Query("key"); key != "" {
		v, err := zone.Get(key)
		if err != nil {
			r.Response().WriteString(err.Error())
			return sdk.Final
		}
		r.Response().WriteString(v.String() + " of kind " + strconv.Itoa(int(v.Kind())))
	}
	return sdk.Final
}

// Package main is invalidate: it keeps the responses of a route in a zone, and
// who changes a page has all machines forget it, by a message in Redis.
package main

import (
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Init(start)
	sdk.InitWorker(subscribe)
	sdk.OnMessage(forget)
	sdk.OnMissed(forgetAll)
	sdk.Access(look)
	sdk.HeaderFilter(mark)
	sdk.BodyFilter(keep)
}

func main() {}

const (
	channel = "pages:purge"
	maxBody = 1 << 20 // the largest response that is kept, in bytes
)

var (
	redis *sdk.Redis
	pages *sdk.Zone
	ttl   sdk.TTL

	// What belongs to one exchange: look begins it anew.
	key    string // empty: the response is not kept
	body   []byte // the Content-Type, a line feed, and the body so far
	answer string // X-Cache: HIT, MISS, or empty
)

func start() error {
	var err error
	if redis, err = sdk.OpenRedis("bus"); err != nil {
		return err
	}
	pages = sdk.OpenZone("pages")
	age, err := sdk.ConfigDuration("ttl", int64(300e9))
	ttl = sdk.TTL(age)
	return err
}

func subscribe() error { return redis.Subscribe(channel) }

// forget drops the page that somebody has changed.
func forget(m *sdk.Message) error { return pages.Delete(m.Data) }

// forgetAll drops all pages: nobody knows which have changed while Redis could
// not tell.
func forgetAll() error {
	_, err := pages.Flush()
	return err
}

// look answers what is kept. PURGE drops a page, here at once and elsewhere as
// soon as the message is there.
func look(r *sdk.Request) sdk.Action {
	key, body, answer = "", body[:0], ""
	if r.Method() == "PURGE" {
		return purge(r)
	}
	if r.Method() != "GET" || r.HasHeader("Authorization") || r.HasHeader("Range") {
		return sdk.Continue
	}
	if kept, err := pages.Get(r.URI()); err == nil {
		kind, text, _ := strings.Cut(kept.String(), "\n")
		answer = "HIT"
		r.Response().SetHeader("Content-Type", kind)
		r.Response().WriteString(text)
		return sdk.Final
	}
	key, answer = r.URI(), "MISS"
	return sdk.Continue
}

func purge(r *sdk.Request) sdk.Action {
	if err := pages.Delete(r.URI()); err != nil {
		return r.Exit(500)
	}
	if _, err := redis.Do("PUBLISH", channel, r.URI()); err != nil {
		sdk.Error("cannot tell the other machines: " + err.Error())
		return r.Exit(502)
	}
	r.Response().WriteString("purged\n")
	return sdk.Final
}

// mark says where the response comes from, and finds out whether it may be
// kept: a success that is the same for everybody.
func mark(r *sdk.Request) {
	w := r.Response()
	if answer != "" {
		w.SetHeader("X-Cache", answer)
	}
	control := strings.ToLower(w.Header("Cache-Control"))
	if w.Status() != 200 || w.HasHeader("Set-Cookie") || w.HasHeader("Vary") || w.HasHeader("Content-Encoding") ||
		strings.Contains(control, "no-store") || strings.Contains(control, "private") {
		key = ""
	}
	body = append(append(body, w.Header("Content-Type")...), '\n')
}

// keep collects the body and keeps it at its end.
func keep(r *sdk.Request, c *sdk.Chunk) {
	if key == "" {
		return
	}
	if body = append(body, c.Bytes()...); len(body) > maxBody {
		key, body = "", nil
		return
	}
	if !c.EOF() {
		return
	}
	if err := pages.Set(key, sdk.Text(string(body)), ttl); err != nil {
		sdk.Warn("cannot keep the page: " + err.Error())
	}
}

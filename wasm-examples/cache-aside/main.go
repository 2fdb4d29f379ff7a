// Package main is cache-aside: it keeps the responses of a route in Redis,
// whoever makes them.
package main

import (
	"strconv"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Init(start)
	sdk.Access(look)
	sdk.HeaderFilter(mark)
	sdk.BodyFilter(keep)
}

func main() {}

// maxBody is the largest response that is kept, in bytes.
const maxBody = 1 << 20

var (
	redis *sdk.Redis
	ttl   string // in seconds

	// What belongs to one exchange: look begins it anew.
	key    string // empty: the response is not kept
	kind   string // the Content-Type
	body   []byte
	answer string // X-Cache: HIT, MISS, or empty
)

// start reads the configuration: redis names the server, ttl is how long a
// response is kept.
func start() error {
	var err error
	if redis, err = sdk.OpenRedis(sdk.Config("redis")); err != nil {
		return err
	}
	age, err := sdk.ConfigDuration("ttl", int64(300e9))
	ttl = strconv.FormatInt(max(1, age/1e9), 10)
	return err
}

// look answers from Redis what Redis has. Without Redis everything is a miss:
// a cache is no reason to fail.
func look(r *sdk.Request) sdk.Action {
	key, kind, body, answer = "", "", body[:0], ""
	if r.Method() != "GET" || r.HasHeader("Authorization") || r.HasHeader("Range") {
		return sdk.Continue
	}
	key, answer = "page:"+r.URI(), "MISS"
	reply, err := redis.Do("HMGET", key, "type", "body")
	if err != nil {
		sdk.Warn("cannot read the cache: " + err.Error())
		return sdk.Continue
	}
	fields := reply.Slice()
	if len(fields) != 2 || fields[1].IsNil() {
		return sdk.Continue
	}
	key, answer = "", "HIT"
	r.Response().SetHeader("Content-Type", fields[0].Str())
	r.Response().WriteString(fields[1].Str())
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
	kind = w.Header("Content-Type")
}

// keep collects the body and puts it into Redis at its end.
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
	replies, err := redis.Tx().Do("HSET", key, "type", kind, "body", string(body)).Do("EXPIRE", key, ttl).Run()
	for _, reply := range replies {
		if err == nil {
			err = reply.Err()
		}
	}
	if err != nil {
		sdk.Warn("cannot fill the cache: " + err.Error())
	}
}

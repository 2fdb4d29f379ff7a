// Package main is the plugin of the benchmark's workloads with Redis: the
// others need no grant for it.
package main

import (
	"time"

	"phasm/sdk"
)

var (
	redis  *sdk.Redis
	cached bool
)

func init() {
	sdk.Init(func() (err error) {
		cached = sdk.Config("do") == "cached"
		redis, err = sdk.OpenRedis("main")
		return err
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		reply, err := ask()
		if err != nil {
			return r.Exit(500)
		}
		r.Response().SetHeader("Content-Type", "text/plain")
		r.Response().WriteString(reply.Str())
		return sdk.Final
	})
}

func main() {}

// ask asks Redis. Where the configuration says cached it asks again only after
// a second, or when Redis says that the key has changed.
func ask() (sdk.Reply, error) {
	if cached {
		return sdk.DoCached(redis, time.Second, "GET", "bench")
	}
	return redis.Do("GET", "bench")
}

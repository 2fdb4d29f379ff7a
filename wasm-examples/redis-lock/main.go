// Package main is redis-lock: it counts under a lock that all machines with
// the same Redis share.
package main

import (
	"errors"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(start)
	sdk.Content(count)
}

func main() {}

var (
	redis  *sdk.Redis
	expire string // in seconds
	wait   int64  // in nanoseconds
)

// start reads the configuration: redis names the server, expire is when a lock
// is free whatever has become of its holder, wait is how long to wait for one.
func start() error {
	var err error
	if redis, err = sdk.OpenRedis(sdk.Config("redis")); err != nil {
		return err
	}
	seconds, err := sdk.ConfigDuration("expire", int64(30e9))
	if err != nil {
		return err
	}
	expire = strconv.FormatInt(max(1, seconds/1e9), 10)
	wait, err = sdk.ConfigDuration("wait", int64(5e9))
	return err
}

// count adds one to a number, in two steps that a second one must not come in
// between.
func count(r *sdk.Request) sdk.Action {
	key := "lock:" + r.Param("name")
	l, err := acquire(redis, key, expire, wait)
	if errors.Is(err, errLocked) {
		r.Response().SetHeader("Retry-After", "1")
		return r.Exit(503)
	}
	if err != nil {
		return failed(r, err)
	}
	n, err := increment(key + ":count")
	if released := l.release(); err == nil {
		err = released
	}
	if err != nil {
		return failed(r, err)
	}
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(strconv.FormatInt(n, 10) + "\n")
	return sdk.Final
}

func increment(key string) (int64, error) {
	before, err := redis.Do("GET", key)
	if err != nil {
		return 0, err
	}
	n := before.Int() + 1
	_, err = redis.Do("SET", key, strconv.FormatInt(n, 10))
	return n, err
}

func failed(r *sdk.Request, err error) sdk.Action {
	sdk.Error("cannot count: " + err.Error())
	return r.Exit(500)
}

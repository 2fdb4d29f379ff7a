// Package main is service-registry: instances of a service register in Redis,
// and who asks for the service gets one of them at random.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(start)
	sdk.Content(serve)
}

func main() {}

// maxLength is the longest name and address, in bytes.
const maxLength = 100

var (
	redis *sdk.Redis
	ttl   int64 // in nanoseconds
)

// start reads the configuration: redis names the server, ttl is how long an
// instance counts as healthy after it has registered.
func start() error {
	var err error
	if redis, err = sdk.OpenRedis(sdk.Config("redis")); err != nil {
		return err
	}
	ttl, err = sdk.ConfigDuration("ttl", int64(30e9))
	return err
}

func serve(r *sdk.Request) sdk.Action {
	name, address := r.Param("name"), r.Param("address")
	if len(name) > maxLength || len(address) > maxLength {
		return text(r, 400, "Field length exceeds 100 characters")
	}
	key := "service:" + name
	if r.Method() == "PUT" {
		return register(r, key, address)
	}
	return find(r, key)
}

// register notes when an instance was last heard of. The whole service is
// forgotten when none is for ten times as long.
func register(r *sdk.Request, key, address string) sdk.Action {
	_, err := redis.Tx().
		Do("HSET", key, address, strconv.FormatInt(sdk.Now(), 10)).
		Do("EXPIRE", key, strconv.FormatInt(max(1, 10*ttl/1e9), 10)).
		Run()
	if err != nil {
		sdk.Error("cannot register: " + err.Error())
		return text(r, 500, "Failed to save the instance")
	}
	return text(r, 200, "registered")
}

// find answers the address of a healthy instance. What Redis says is kept for a
// second, so that asking costs no round trip.
func find(r *sdk.Request, key string) sdk.Action {
	reply, err := sdk.DoCached(redis, int64(1e9), "HGETALL", key)
	if err != nil {
		sdk.Error("cannot look services up: " + err.Error())
		return text(r, 500, "Failed to read the registry")
	}
	var healthy []string
	for address, heard := range reply.Map() {
		if sdk.Now()-heard.Int() <= ttl {
			healthy = append(healthy, address)
		}
	}
	if len(healthy) == 0 {
		return text(r, 503, "No healthy instance")
	}
	slices.Sort(healthy) // a map's order is the same in every instance at first
	return text(r, 200, healthy[random(len(healthy))])
}

// random is a number below n. It asks the host: math/rand begins with the same
// numbers in every instance.
func random(n int) int {
	var b [8]byte
	rand.Read(b[:])
	return int(binary.LittleEndian.Uint64(b[:]) % uint64(n))
}

func text(r *sdk.Request, status int, body string) sdk.Action {
	r.Response().SetStatus(status)
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(body + "\n")
	return sdk.Final
}

//go:build !wasip1

package sdk_test

import (
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestCtx(t *testing.T) {
	request := sdktest.Request{Ctx: map[string]string{"user": "ann"}}
	_, x := during(t, abi.Log, request, func(r *sdk.Request) {
		equal(t, "user", r.Ctx("user"), "ann")
		equal(t, "none", r.Ctx("none"), "")
		appended(t, "user", "ann", func(dst []byte) ([]byte, error) { return r.AppendCtx(dst, "user") })
		notThere(t, "none", func(dst []byte) ([]byte, error) { return r.AppendCtx(dst, "none") })

		b := []byte("bytes")
		fails(t, "set bytes", r.SetCtxBytes("b", b), nil)
		clear(b) // the server has a copy
		equal(t, "b", r.Ctx("b"), "bytes")
		fails(t, "set", r.SetCtx("long", long), nil)
		equal(t, "long", r.Ctx("long"), long)
		fails(t, "set empty", r.SetCtx("empty", ""), nil)
		appended(t, "empty", "", func(dst []byte) ([]byte, error) { return r.AppendCtx(dst, "empty") })
		fails(t, "too much", r.SetCtx("large", string(make([]byte, 64<<10))), sdk.ErrNoMemory)
		equal(t, "user is there", r.HasCtx("user"), true)
		equal(t, "empty is there", r.HasCtx("empty"), true)
		fails(t, "remove", r.RemoveCtx("user"), nil)
		equal(t, "user is there", r.HasCtx("user"), false)
		fails(t, "remove none", r.RemoveCtx("none"), nil)
	})
	_, found := x.Ctx("user")
	equal(t, "user is there", found, false)
	value, found := x.Ctx("b")
	equal(t, "b is there", found, true)
	equal(t, "b", value, "bytes")
}

//go:build !wasip1

package sdk_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestRequestBody(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 100_000} {
		body := strings.Repeat("b", size)
		during(t, abi.Content, sdktest.Request{Body: body}, func(r *sdk.Request) {
			b, err := r.BodyBytes(size)
			if err != nil || string(b) != body {
				t.Errorf("of %d bytes %d were read, with error %v", size, len(b), err)
			}
			b, err = r.BodyBytes(size)
			if err != nil || len(b) != 0 {
				t.Errorf("once more %d bytes were read, with error %v", len(b), err)
			}
		})
	}
}

func TestRequestBodyLimit(t *testing.T) {
	during(t, abi.Access, sdktest.Request{Body: "0123456789"}, func(r *sdk.Request) {
		b, err := r.BodyBytes(9)
		fails(t, "9 of 10", err, sdk.ErrNoMemory)
		equal(t, "bytes", len(b), 0)
	})
	for _, limit := range []int{9, 0, -1} {
		during(t, abi.Access, sdktest.Request{Body: "0123456789"}, func(r *sdk.Request) {
			b, err := r.AppendBody([]byte("before "), limit)
			fails(t, "too much", err, sdk.ErrNoMemory)
			equal(t, "what was read", string(b), "before 0123456789"[:7+max(limit, 0)])
		})
	}
}

// TestRequestBodyReader reads the body in pieces, over two phases.
func TestRequestBodyReader(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Access(func(r *sdk.Request) sdk.Action {
		var p [4]byte
		n, err := r.Body().Read(nil)
		equal(t, "nothing", n, 0)
		fails(t, "nothing", err, nil)
		n, err = io.ReadFull(r.Body(), p[:])
		equal(t, "first", string(p[:n]), "0123")
		fails(t, "first", err, nil)
		return sdk.Continue
	})
	sdk.Content(func(r *sdk.Request) sdk.Action {
		_, err := io.Copy(r.Response(), r.Body())
		fails(t, "copy", err, nil)
		return sdk.Final
	})
	equal(t, "body", h.Do(sdktest.Request{Body: "0123456789"}).Body, "456789")
}

func TestRequestBodyErrors(t *testing.T) {
	for _, want := range []error{sdk.ErrTimeout, sdk.ErrIO, sdk.ErrNoMemory} {
		during(t, abi.Content, sdktest.Request{Body: "half", BodyErr: want}, func(r *sdk.Request) {
			b, err := r.AppendBody(nil, 100)
			fails(t, "body", err, want)
			equal(t, "what was read", string(b), "half")
		})
	}
	during(t, abi.Content, sdktest.Request{BodyErr: errors.New("cable cut")}, func(r *sdk.Request) {
		_, err := r.BodyBytes(1)
		fails(t, "body", err, sdk.ErrIO)
	})
	during(t, abi.Log, sdktest.Request{Body: "late"}, func(r *sdk.Request) {
		_, err := r.BodyBytes(100)
		fails(t, "body in log", err, sdk.ErrWrongPhase)
	})
}

func TestSetBody(t *testing.T) {
	_, x := during(t, abi.Rewrite, sdktest.Request{Body: "old"}, func(r *sdk.Request) {
		body := []byte("new")
		fails(t, "set", r.SetBody(body), nil)
		clear(body) // the server has a copy
		b, err := r.BodyBytes(100)
		equal(t, "body", string(b), "new")
		fails(t, "body", err, nil)
	})
	equal(t, "body upstream", x.Request().Body, "new")
	during(t, abi.Content, sdktest.Request{}, func(r *sdk.Request) {
		fails(t, "set in content", r.SetBodyString("new"), sdk.ErrWrongPhase)
	})
}

//go:build !wasip1

package sdk_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

func TestBodyFilter(t *testing.T) {
	h := sdktest.New(t, nil)
	var lengths []int
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) {
		lengths = append(lengths, c.Len())
		b := c.Bytes()
		equal(t, "length", len(b), c.Len())
		b = bytes.ToUpper(b)
		if bytes.Contains(b, []byte("SECRET")) {
			fails(t, "drop", c.Drop(), nil)
			return
		}
		fails(t, "set", c.Set(b), nil)
		clear(b) // the server has a copy
		if c.EOF() {
			c.SetString(string(c.Bytes()) + "!")
		}
	})
	resp := h.Do(sdktest.Request{Upstream: sdktest.Upstream{Chunks: []string{"one ", "secret ", "", "two", ""}}})
	equalList(t, "lengths", lengths, []int{4, 7, 3, 0})
	equalList(t, "chunks", resp.Chunks, []string{"ONE ", "TWO", "!"})
}

// TestBodyFilterWithFlush has the filter run while the content handler waits:
// what the handler read before must be whole afterwards.
func TestBodyFilterWithFlush(t *testing.T) {
	h := sdktest.New(t, nil)
	sdk.Content(func(r *sdk.Request) sdk.Action {
		for i := range 3 {
			path := r.Path()
			r.Response().WriteString(path)
			r.Response().Flush()
			equal(t, "path", path, "/path/of/the/request")
			equal(t, "context", r.Ctx("chunks"), strconv.Itoa(i+1))
		}
		return sdk.Final
	})
	chunks := 0
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) {
		chunks++
		r.SetCtx("chunks", strconv.Itoa(chunks))
		equal(t, "agent", r.Header("Host"), "a.long.host.name.example")
		if !c.EOF() {
			equal(t, "chunk", string(c.Bytes()), "/path/of/the/request")
		}
	})
	resp := h.Do(sdktest.Request{Target: "/path/of/the/request", Host: "a.long.host.name.example"})
	equal(t, "body", resp.Body, strings.Repeat("/path/of/the/request", 3))
	equal(t, "calls", chunks, 4)
}

func TestChunk(t *testing.T) {
	h := sdktest.New(t, nil)
	large := strings.Repeat("x", 100<<10) // too large to keep a buffer for
	letter := sdk.MustCompile("[a-z]")
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) {
		appended(t, "chunk", string(c.Bytes()), c.Append)
		c.SetString("set")
		equal(t, "after set", string(c.Bytes()), "set")
		n, err := c.Replace(letter, "<$0>", 2)
		fails(t, "replace", err, nil)
		equal(t, "replaced", n, 2)
		equal(t, "after replace", string(c.Bytes()), "<s><e>t")
		_, err = c.Replace(letter, "$9", -1)
		fails(t, "replace by a wrong template", err, sdk.ErrBadArgument)
		c.SetString("set")
	})
	x := h.Begin(sdktest.Request{})
	equal(t, "chunk", x.BodyFilter("small", false), "set")
	equal(t, "chunk", x.BodyFilter(large, false), "set")
	equal(t, "chunk", x.BodyFilter("", true), "set")
}

// TestChunkElsewhere uses the chunk in another phase.
func TestChunkElsewhere(t *testing.T) {
	during(t, abi.Content, sdktest.Request{}, func(r *sdk.Request) {
		var c sdk.Chunk
		equal(t, "bytes", len(c.Bytes()), 0)
		equal(t, "length", c.Len(), 0)
		equal(t, "last", c.EOF(), false)
		fails(t, "set", c.SetString("x"), sdk.ErrWrongPhase)
		_, err := c.Replace(sdk.MustCompile("x"), "", -1)
		fails(t, "replace", err, sdk.ErrWrongPhase)
		fails(t, "drop", c.Drop(), sdk.ErrWrongPhase)
	})
}

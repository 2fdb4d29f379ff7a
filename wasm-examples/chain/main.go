// Package main is chain: one plugin in five phases that hands a number on
// through the exchange's context. Nothing in it allocates, so it measures what
// a chain of phases costs.
package main

import (
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Rewrite(rewrite)
	sdk.Access(access)
	sdk.Content(content)
	sdk.HeaderFilter(headerFilter)
	sdk.Log(log)
}

func main() {}

// key is the number's name in the context.
const key = "number"

// buffer is where numbers are written. An instance serves one exchange at a
// time, so one is enough.
var buffer [32]byte

// rewrite puts the first number in.
func rewrite(r *sdk.Request) sdk.Action {
	r.SetCtx(key, "76")
	return sdk.Continue
}

// access adds 3 to it.
func access(r *sdk.Request) sdk.Action {
	n, err := number(r)
	if err != nil {
		return r.Exit(500)
	}
	r.SetCtxBytes(key, strconv.AppendInt(buffer[:0], n+3, 10))
	return sdk.Continue
}

// content prints what has become of it.
func content(r *sdk.Request) sdk.Action {
	text, err := r.AppendCtx(buffer[:0], key)
	if err != nil {
		return r.Exit(500)
	}
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().Write(append(text, '\n'))
	return sdk.Final
}

// headerFilter adds a header, whoever made the response.
func headerFilter(r *sdk.Request) {
	r.Response().SetHeader("X-Chain", "rewrite, access, content, header_filter, log")
}

// log looks at the outcome, and keeps it to itself.
func log(r *sdk.Request) {
	if r.Response().Status() >= 500 {
		sdk.Warn("the chain is broken")
	}
}

// number reads the number back.
func number(r *sdk.Request) (n int64, err error) {
	text, err := r.AppendCtx(buffer[:0], key)
	if err != nil {
		return 0, err
	}
	for _, c := range text {
		n = 10*n + int64(c-'0')
	}
	return n, nil
}

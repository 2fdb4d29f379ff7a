package main

import (
	"strconv"

	"phasm/sdk"
)

// chain hands a number through five phases and counts requests twice.
var chain = work{
	rewrite: func(r *sdk.Request) sdk.Action {
		r.SetCtx("number", "76")
		return sdk.Continue
	},
	access: func(r *sdk.Request) sdk.Action {
		n, err := strconv.Atoi(r.Ctx("number"))
		if err != nil {
			return r.Exit(500)
		}
		r.SetCtx("number", strconv.Itoa(n+3))
		store.IncrFrom("begun", 1, 0, 0)
		return sdk.Continue
	},
	content:      func(r *sdk.Request) sdk.Action { return text(r, r.Ctx("number")+"\n") },
	headerFilter: func(r *sdk.Request) { r.Response().SetHeader("X-Chain", "five") },
	log:          func(*sdk.Request) { store.IncrFrom("served", 1, 0, 0) },
}

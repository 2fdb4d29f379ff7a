// Package main is the plugin of most of the benchmark's workloads: its configuration
// says which one it does. It is one plugin so that it is compiled once.
package main

import (
	"errors"

	"phasm/sdk"
)

// work is what a workload does in each phase that its route lists.
type work struct {
	init, initWorker         func() error
	rewrite, access, content func(*sdk.Request) sdk.Action
	headerFilter, log        func(*sdk.Request)
	bodyFilter               func(*sdk.Request, *sdk.Chunk)
}

var works = map[string]work{
	"hello":         {content: hello},
	"empty":         empty,
	"chain":         chain,
	"json":          {content: encode},
	"zone-get":      {initWorker: putGreeting, content: getGreeting},
	"zone-incr":     {content: countOne},
	"zone-incr-any": {content: countAny},
	"limit":         {init: configureLimit, access: limit, content: welcome},
	"header-filter": {headerFilter: secure},
	"body-filter":   {init: compileWord, bodyFilter: replace},
	"waf-query":     {init: compileRules, access: checkQuery, content: clean},
	"waf-body":      {init: compileRules, access: checkBody, content: clean},
	"sha256":        {content: digest},
	"hog":           {content: hog},
}

// store is the zone of those that need one.
var store = sdk.OpenZone("bench")

var (
	it     work
	buffer [1024]byte // an instance serves one exchange at a time
)

func init() {
	sdk.Init(func() error {
		var known bool
		if it, known = works[sdk.Config("do")]; !known {
			return errors.New("there is no such workload")
		}
		if it.init == nil {
			return nil
		}
		return it.init()
	})
	sdk.InitWorker(func() error {
		if it.initWorker == nil {
			return nil
		}
		return it.initWorker()
	})
	sdk.Rewrite(func(r *sdk.Request) sdk.Action { return it.rewrite(r) })
	sdk.Access(func(r *sdk.Request) sdk.Action { return it.access(r) })
	sdk.Content(func(r *sdk.Request) sdk.Action { return it.content(r) })
	sdk.HeaderFilter(func(r *sdk.Request) { it.headerFilter(r) })
	sdk.BodyFilter(func(r *sdk.Request, c *sdk.Chunk) { it.bodyFilter(r, c) })
	sdk.Log(func(r *sdk.Request) { it.log(r) })
}

func main() {}

// text answers with a text.
func text(r *sdk.Request, body string) sdk.Action {
	r.Response().SetHeader("Content-Type", "text/plain")
	r.Response().WriteString(body)
	return sdk.Final
}

func hello(r *sdk.Request) sdk.Action { return text(r, "hello, world\n") }

// empty is called in every phase and does nothing.
var empty = work{
	rewrite:      func(*sdk.Request) sdk.Action { return sdk.Continue },
	access:       func(*sdk.Request) sdk.Action { return sdk.Continue },
	content:      func(*sdk.Request) sdk.Action { return sdk.Final },
	headerFilter: func(*sdk.Request) {},
	bodyFilter:   func(*sdk.Request, *sdk.Chunk) {},
	log:          func(*sdk.Request) {},
}

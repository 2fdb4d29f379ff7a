// Package main is hello, the smallest useful phasm plugin: it answers every
// request with a greeting from its configuration.
package main

import "phasm/sdk"

// greeting is filled once per instance, before its first request.
var greeting string

func init() {
	sdk.Init(configure)
	sdk.Content(hello)
}

func main() {}

func configure() error {
	greeting = sdk.ConfigOr("greeting", "Hello from phasm!")
	return nil
}

func hello(r *sdk.Request) sdk.Action {
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(greeting)
	r.Response().WriteString("\n")
	return sdk.Final
}

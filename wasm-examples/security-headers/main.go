// Package main is security-headers: a header filter that adds the headers by
// which browsers protect a page, whoever made the response.
package main

import "phasm/sdk"

// header is a response header and its value.
type header struct{ name, value string }

// defaults are sent where the configuration says nothing of them.
var defaults = []header{
	{"Strict-Transport-Security", "max-age=63072000"},
	{"X-Frame-Options", "DENY"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-XSS-Protection", "1; mode=block"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"Content-Security-Policy", "default-src 'self'"},
}

// headers are those to send.
var headers []header

func init() {
	sdk.Init(configure)
	sdk.HeaderFilter(add)
}

func main() {}

// configure takes each key of the configuration for a header; an empty value
// takes a default away.
func configure() error {
	names, err := sdk.ConfigKeys("")
	if err != nil {
		return err
	}
	headers = headers[:0]
	for _, h := range defaults {
		if !sdk.HasConfig(h.name) {
			headers = append(headers, h)
		}
	}
	for _, name := range names {
		if value := sdk.Config(name); value != "" {
			headers = append(headers, header{name, value})
		}
	}
	return nil
}

// add sets the headers that the response does not have: a page may know better.
func add(r *sdk.Request) {
	for _, h := range headers {
		if !r.Response().HasHeader(h.name) {
			if err := r.Response().SetHeader(h.name, h.value); err != nil {
				sdk.Error("cannot set header " + h.name + ": " + err.Error())
			}
		}
	}
}

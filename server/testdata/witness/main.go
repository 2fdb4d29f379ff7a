// Command witness is a plugin that tells in a response header what it has seen
// of the request: method, target, host, path, headers and, where its configuration
// says so, the body.
package main

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"phasm/sdk"
)

func init() { sdk.Access(testify) }

func main() {}

func testify(r *sdk.Request) sdk.Action {
	var fields []string
	for name, value := range r.Headers() {
		fields = append(fields, strings.ToLower(name)+"="+strings.Trim(value, " \t"))
	}
	slices.Sort(fields)
	body := "unread"
	if sdk.Config("body") != "" {
		read, err := io.ReadAll(r.Body())
		if err != nil {
			return r.Exit(400)
		}
		body = string(read)
	}
	h := r.Response()
	for name, value := range map[string]string{
		"Witness-Line":   r.Method() + " " + r.URI() + " " + r.Header("Host"),
		"Witness-Path":   r.Path(),
		"Witness-Fields": strings.Join(fields, "\n"),
		"Witness-Body":   body,
		"Witness-Route":  r.Variable("route"),
	} {
		if err := h.SetHeader(name, url.PathEscape(value)); err != nil {
			return r.Exit(500)
		}
	}
	return sdk.Continue
}

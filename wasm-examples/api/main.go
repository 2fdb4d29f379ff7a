// Package main is api: a small JSON API. Access asks for credentials, content
// routes by path and method.
package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"phasm/sdk"
)

func init() {
	sdk.Access(authorize)
	sdk.Content(answer)
}

func main() {}

// maxBody is the largest user that is taken, in bytes.
const maxBody = 64 << 10

const users = `[{"id":1,"name":"John Doe","email":"john@example.com"},{"id":2,"name":"Jane Smith","email":"jane@example.com"}]`

// authorize turns away requests without credentials. What they are worth
// somebody else would have to find out.
func authorize(r *sdk.Request) sdk.Action {
	if r.Header("Authorization") == "" {
		return text(r, 401, "Unauthorized")
	}
	return sdk.Continue
}

func answer(r *sdk.Request) sdk.Action {
	if r.Path() != "/api/users" {
		return text(r, 404, "API endpoint not found")
	}
	switch r.Method() {
	case "GET", "HEAD":
		return document(r, 200, []byte(users))
	case "POST":
		return create(r)
	default:
		r.Response().SetHeader("Allow", "GET, HEAD, POST")
		return text(r, 405, "Method not allowed")
	}
}

// create answers with the user it was sent, as if it had been stored.
func create(r *sdk.Request) sdk.Action {
	body, err := r.BodyBytes(maxBody)
	switch {
	case errors.Is(err, sdk.ErrNoMemory):
		return text(r, 413, "Request body too large")
	case err != nil:
		return text(r, 400, "Request body cut off")
	case len(body) == 0:
		return text(r, 400, "Request body required")
	}
	var user bytes.Buffer
	if err := json.Compact(&user, body); err != nil {
		return text(r, 400, "Invalid JSON format")
	}
	created := []byte(`{"success":true,"message":"User created successfully","user":`)
	return document(r, 201, append(append(created, user.Bytes()...), '}'))
}

func document(r *sdk.Request, status int, body []byte) sdk.Action {
	r.Response().SetStatus(status)
	r.Response().SetHeader("Content-Type", "application/json")
	r.Response().Write(append(body, '\n'))
	return sdk.Final
}

func text(r *sdk.Request, status int, line string) sdk.Action {
	r.Response().SetStatus(status)
	r.Response().SetHeader("Content-Type", "text/plain; charset=utf-8")
	r.Response().WriteString(line + "\n")
	return sdk.Final
}

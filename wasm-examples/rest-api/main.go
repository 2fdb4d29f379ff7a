// Package main is rest-api: users over REST. Each answer has the same envelope,
// and the list of users is kept in a cache in front of the store.
package main

import (
	"encoding/json"
	"errors"
	"strconv"

	"phasm/sdk"
)

func init() {
	sdk.Init(open)
	sdk.Content(route)
}

func main() {}

// maxBody is the largest user that is taken, in bytes.
const maxBody = 64 << 10

func route(r *sdk.Request) sdk.Action {
	if r.Path() != "/api/users" {
		return failure(r, 404, "Endpoint not found")
	}
	switch r.Method() {
	case "GET", "HEAD":
		return list(r)
	case "POST":
		return create(r)
	}
	r.Response().SetHeader("Allow", "GET, HEAD, POST")
	return failure(r, 405, "Method not allowed")
}

func list(r *sdk.Request) sdk.Action {
	if users := cached(); users != nil {
		return respond(r, 200, users)
	}
	users, err := stored()
	if err != nil {
		sdk.Error("cannot read the users: " + err.Error())
		return failure(r, 500, "Database query failed")
	}
	keep(users)
	return respond(r, 200, users)
}

// user is what a client sends, and what the store has.
type user struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Created int64  `json:"created_at"` // in seconds since 1970
}

func create(r *sdk.Request) sdk.Action {
	body, err := r.BodyBytes(maxBody)
	switch {
	case errors.Is(err, sdk.ErrNoMemory):
		return failure(r, 413, "Request body too large")
	case errors.Is(err, sdk.ErrTimeout):
		return failure(r, 408, "Request body too slow")
	case err != nil:
		return failure(r, 400, "Request body cut off")
	case len(body) == 0:
		return failure(r, 400, "Request body required")
	case !json.Valid(body):
		return failure(r, 400, "Invalid JSON format")
	}
	var sent struct{ Name, Email string }
	if json.Unmarshal(body, &sent) != nil || sent.Name == "" || sent.Email == "" {
		return failure(r, 400, "Name and email are required")
	}
	document, err := store(&user{Name: sent.Name, Email: sent.Email, Created: sdk.Now() / 1e9})
	switch {
	case err == errExists:
		return failure(r, 409, "Email already exists")
	case err != nil:
		sdk.Error("cannot store a user: " + err.Error())
		return failure(r, 500, "Failed to create user")
	}
	forget()
	return respond(r, 201, document)
}

// respond answers with data, which is JSON, in the envelope.
func respond(r *sdk.Request, status int, data []byte) sdk.Action {
	b := strconv.AppendInt([]byte(`{"status":`), int64(status), 10)
	b = append(append(b, `,"data":`...), data...)
	b = strconv.AppendInt(append(b, `,"timestamp":`...), sdk.Now()/1e9, 10)
	r.Response().SetStatus(status)
	r.Response().SetHeader("Content-Type", "application/json")
	r.Response().Write(append(b, "}\n"...))
	return sdk.Final
}

func failure(r *sdk.Request, status int, message string) sdk.Action {
	data := sdk.AppendJSONString([]byte(`{"error":true,"message":`), message)
	return respond(r, status, append(data, '}'))
}

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

// api is a server with the plugin and its two Redis servers, both empty.
type api struct {
	*sdktest.Host
	database, cache *sdktest.Redis
}

func serve(t *testing.T) *api {
	t.Helper()
	a := &api{database: sdktest.NewRedis(), cache: sdktest.NewRedis()}
	a.Host = sdktest.New(t, sdktest.Config{"database": "database", "cache": "cache"}, a.database.Grant("database"), a.cache.Grant("cache"))
	return a
}

// ask sends a request and wants an answer with the envelope around the data.
func (a *api) ask(t *testing.T, method, target, body string, status int, data string) *sdktest.Response {
	t.Helper()
	resp := a.Do(sdktest.Request{Method: method, Target: target, Body: body})
	want := fmt.Sprintf(`{"status":%d,"data":%s,"timestamp":%d}`+"\n", status, data, a.Now().Unix())
	if resp.Status != status || resp.Body != want || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %.60s: got %d %s\nwant %d %s", method, target, body, resp.Status, resp.Body, status, want)
	}
	if !json.Valid([]byte(resp.Body)) {
		t.Errorf("%s is not JSON", resp.Body)
	}
	return resp
}

func failed(message string) string { return `{"error":true,"message":"` + message + `"}` }

const (
	created = 1767225600 // the fake's beginning
	ann     = `{"id":1,"name":"Ann","email":"ann@example.com","created_at":1767225600}`
	bob     = `{"id":3,"name":"Bob","email":"bob@example.com","created_at":1767225600}`
)

func TestUsers(t *testing.T) {
	a := serve(t)
	a.ask(t, "GET", "/api/users", "", 200, "[]")
	a.ask(t, "POST", "/api/users", `{"name":"Ann","email":"ann@example.com","id":9,"admin":true}`, 201, ann)
	a.ask(t, "GET", "/api/users?x", "", 200, "["+ann+"]")
	a.ask(t, "POST", "/api/users", `{"name":"Other","email":"ann@example.com"}`, 409, failed("Email already exists"))
	a.ask(t, "POST", "/api/users", `{"name":"Bob","email":"bob@example.com"}`, 201, bob)
	a.ask(t, "GET", "/api/users", "", 200, "["+bob+","+ann+"]")
	if a.Now().Unix() != created {
		t.Errorf("it is %v", a.Now())
	}
}

func TestRefused(t *testing.T) {
	a := serve(t)
	a.ask(t, "GET", "/api/other", "", 404, failed("Endpoint not found"))
	if resp := a.ask(t, "DELETE", "/api/users", "", 405, failed("Method not allowed")); resp.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", resp.Header.Get("Allow"))
	}
	a.ask(t, "POST", "/api/users", "", 400, failed("Request body required"))
	a.ask(t, "POST", "/api/users", "{", 400, failed("Invalid JSON format"))
	for _, body := range []string{"{}", "[]", "null", `{"name":"x"}`, `{"email":"x"}`, `{"name":"","email":"x"}`, `{"name":1,"email":"x"}`} {
		a.ask(t, "POST", "/api/users", body, 400, failed("Name and email are required"))
	}
	a.ask(t, "POST", "/api/users", strings.Repeat(" ", maxBody+1), 413, failed("Request body too large"))
	if resp := a.Do(sdktest.Request{Method: "POST", Target: "/api/users", BodyErr: sdk.ErrTimeout}); resp.Status != 408 {
		t.Errorf("a slow body gets %d", resp.Status)
	}
	if resp := a.Do(sdktest.Request{Method: "POST", Target: "/api/users", BodyErr: sdk.ErrIO}); resp.Status != 400 {
		t.Errorf("a body that is cut off gets %d", resp.Status)
	}
	if len(a.database.Commands) > 0 {
		t.Errorf("the store was asked %q", a.database.Commands)
	}
}

// The list comes from the cache for 300 seconds, unless a user is created.
func TestCache(t *testing.T) {
	a := serve(t)
	a.ask(t, "GET", "/api/users", "", 200, "[]")
	reads := func() (n int) {
		for _, command := range a.database.Commands {
			if command[0] == "LRANGE" {
				n++
			}
		}
		return n
	}
	a.Advance(299 * time.Second)
	a.ask(t, "GET", "/api/users", "", 200, "[]")
	if reads() != 1 {
		t.Errorf("the store was read %d times in 299 seconds", reads())
	}
	a.Advance(time.Second)
	a.ask(t, "GET", "/api/users", "", 200, "[]")
	if reads() != 2 {
		t.Errorf("the store was read %d times in 300 seconds", reads())
	}
}

func TestNewest(t *testing.T) {
	a := serve(t)
	for n := range 101 {
		a.Do(sdktest.Request{Method: "POST", Target: "/api/users", Body: fmt.Sprintf(`{"name":"x","email":"%d"}`, n)})
	}
	resp := a.Do(sdktest.Request{Target: "/api/users"})
	if n := strings.Count(resp.Body, `"email"`); n != 100 || !strings.Contains(resp.Body, `[{"id":101,`) {
		t.Errorf("%d users are listed: %.100s", n, resp.Body)
	}
}

func TestStoreFails(t *testing.T) {
	a := serve(t)
	a.database.Err = sdk.ErrIO
	a.ask(t, "GET", "/api/users", "", 500, failed("Database query failed"))
	a.ask(t, "POST", "/api/users", `{"name":"Ann","email":"ann@example.com"}`, 500, failed("Failed to create user"))
	a.database.Err = nil
	a.database.Handle = func(args []string) (any, bool) { return sdktest.RedisError("OOM"), args[0] == "LPUSH" }
	a.ask(t, "POST", "/api/users", `{"name":"Ann","email":"ann@example.com"}`, 500, failed("Failed to create user"))
	a.database.Handle = nil
	a.ask(t, "POST", "/api/users", `{"name":"Ann","email":"ann@example.com"}`, 201, strings.Replace(ann, `"id":1`, `"id":2`, 1)) // the address was not taken
}

func TestCacheFails(t *testing.T) {
	a := serve(t)
	a.cache.Err = sdk.ErrTimeout
	a.ask(t, "POST", "/api/users", `{"name":"Ann","email":"ann@example.com"}`, 201, ann)
	a.ask(t, "GET", "/api/users", "", 200, "["+ann+"]")
	if got := a.Messages(); len(got) != 3 {
		t.Errorf("it logs %q", got)
	}
}

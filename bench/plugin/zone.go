package main

import "phasm/sdk"

func putGreeting() error { return store.Set("greeting", sdk.Text("hello from the zone\n"), 0) }

// getGreeting answers with what stands in a zone.
func getGreeting(r *sdk.Request) sdk.Action {
	greeting, err := store.Append(buffer[:0], "greeting")
	if err != nil {
		return r.Exit(500)
	}
	r.Response().SetHeader("Content-Type", "text/plain")
	r.Response().Write(greeting)
	return sdk.Final
}

// countOne counts requests under one key.
func countOne(r *sdk.Request) sdk.Action { return count(r, "requests") }

// countAny counts requests by an argument.
func countAny(r *sdk.Request) sdk.Action {
	key, err := r.AppendQuery(buffer[:0], "key", 0)
	if err != nil {
		return r.Exit(400)
	}
	return count(r, string(key))
}

func count(r *sdk.Request, key string) sdk.Action {
	if _, err := store.IncrFrom(key, 1, 0, 0); err != nil {
		return r.Exit(500)
	}
	return text(r, "counted\n")
}

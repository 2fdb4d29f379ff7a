package main

import (
	"encoding/json"

	"phasm/sdk"
)

type user struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

// encode answers with a document.
func encode(r *sdk.Request) sdk.Action {
	text, err := json.Marshal([]user{{1, "John Doe", "john@example.com"}, {2, "Jane Smith", "jane@example.com"}})
	if err != nil {
		return r.Exit(500)
	}
	r.Response().SetHeader("Content-Type", "application/json")
	r.Response().Write(text)
	return sdk.Final
}

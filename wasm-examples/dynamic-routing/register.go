package main

import (
	"encoding/json"
	"errors"

	"phasm/sdk"
)

// Bounds of a registration, in bytes.
const (
	maxBody  = 64 << 10
	maxField = 100
)

// register notes a server's address. The request then goes on to whatever the
// route's content is.
func register(r *sdk.Request) sdk.Action {
	if r.Method() != "POST" {
		r.Response().SetHeader("Allow", "POST")
		return failure(r, 405, "Method Not Allowed")
	}
	body, err := r.BodyBytes(maxBody)
	switch {
	case errors.Is(err, sdk.ErrNoMemory):
		return failure(r, 413, "Request body too large")
	case errors.Is(err, sdk.ErrTimeout):
		return failure(r, 408, "Request body too slow")
	case err != nil:
		return failure(r, 400, "Request body cut off")
	case len(body) == 0:
		return failure(r, 400, "Empty request body")
	case !json.Valid(body):
		return failure(r, 400, "Invalid JSON")
	}
	var sent struct {
		Address string `json:"ipAddress"`
		Host    string `json:"host"`
		Service string `json:"serviceName"`
	}
	if json.Unmarshal(body, &sent) != nil || sent.Address == "" || sent.Host == "" || sent.Service == "" {
		return failure(r, 400, "ipAddress, host, and serviceName are required")
	}
	if len(sent.Address) > maxField || len(sent.Host) > maxField || len(sent.Service) > maxField {
		return failure(r, 400, "Field length exceeds 100 characters")
	}
	address, err := addressOf(sent.Address)
	if err == nil && isName(address) && !isPeer(address) {
		err = errNoAddress
	}
	if err != nil {
		return failure(r, 400, err.Error())
	}
	if err := servers.SafeSet(sent.Host, sdk.Text(sent.Address), 0); err != nil { // else others would lose theirs
		sdk.Error("cannot register server " + sent.Host + ": " + err.Error())
		return failure(r, 500, "Failed to save server mapping")
	}
	sdk.Info("Server registered: " + sent.Host + " -> " + sent.Address + " (service: " + sent.Service + ")")
	return sdk.Continue
}

// failure answers in the form that the API behind has.
func failure(r *sdk.Request, status int, message string) sdk.Action {
	b := sdk.AppendJSONString([]byte(`{"result":{"success":false,"error":`), message)
	r.Response().SetStatus(status)
	r.Response().SetHeader("Content-Type", "application/json")
	r.Response().Write(append(b, "}}\n"...))
	return sdk.Final
}

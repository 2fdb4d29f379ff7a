package main

import (
	"io"
	"strconv"

	"phasm/sdk"
)

// forward is the request as the service gets it: method, path, query, headers
// and body are the client's, and who the client is stands in headers.
func forward(r *sdk.Request) *sdk.HTTPRequest {
	out := &sdk.HTTPRequest{Method: r.Method(), URL: service + r.URI(), HeaderTimeout: timeout}
	for name, value := range r.Headers() {
		if !forwarded(name) {
			out.Header.Add(name, value)
		}
	}
	out.Header.Add("X-Forwarded-For", r.Variable("remote_addr"))
	out.Header.Add("X-Forwarded-Proto", r.Variable("scheme"))
	out.Header.Add("X-Forwarded-Host", r.Host())
	out.Header.Add("X-Request-Id", r.Variable("request_id"))
	length, _ := strconv.ParseInt(r.Header("Content-Length"), 10, 64)
	if length > 0 || r.HasHeader("Transfer-Encoding") {
		out.BodyFrom, out.BodyLength = r.Body(), length
	}
	return out
}

// forwarded tells whether a header is the gateway's to set: what the client
// says there is not to be believed.
func forwarded(name string) bool {
	switch name {
	case "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Forwarded":
		return true
	}
	return false
}

// small is how long an answer may be that is sent in one piece.
const small = 64 << 10

// answer hands the response on. An error comes only as long as nothing of it
// has left: then the client can still be told.
func answer(r *sdk.Request, resp *sdk.HTTPResponse) error {
	defer resp.Close()
	length, err := strconv.Atoi(resp.Header("Content-Length"))
	if err != nil || length > small || r.Method() == "HEAD" {
		return stream(r, resp)
	}
	body, err := resp.Bytes(small)
	if err != nil {
		return err
	}
	head(r, resp)
	_, err = r.Response().Write(body)
	return err
}

// head sets the response's status and headers.
func head(r *sdk.Request, resp *sdk.HTTPResponse) {
	w := r.Response()
	w.SetStatus(resp.Status)
	for name, value := range resp.Headers() {
		w.AddHeader(name, value)
	}
}

// piece is what a response passes through. An instance serves one exchange at a
// time, so one is enough.
var piece = make([]byte, 32<<10)

// stream hands the response on as it comes. One that breaks off must not look
// like a whole one: the panic cuts the client's connection.
func stream(r *sdk.Request, resp *sdk.HTTPResponse) error {
	w := r.Response()
	for begun := false; ; begun = true {
		n, err := resp.Read(piece)
		if err != nil && err != io.EOF {
			if begun {
				panic("the service's answer breaks off: " + err.Error())
			}
			return err
		}
		if !begun {
			head(r, resp)
		}
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return err
			}
			if err := w.Flush(); err != nil {
				return sdk.ErrClosed
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

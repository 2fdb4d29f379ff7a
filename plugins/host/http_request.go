package host

import (
	"math"
	"strconv"
	"time"

	"phasm/plugins/httpclient"
	"phasm/sdk/abi"
)

const maxHTTPItems = 2000 // of a list of headers: names and values

// parseHTTPRequest makes a request of what a guest says, none of which it
// keeps.
func parseHTTPRequest(method, rawURL, headers, options, body []byte) (*httpclient.Request, abi.Errno) {
	const maxMethod = 64
	if !isToken(method) || len(method) > maxMethod || string(method) == "CONNECT" {
		return nil, abi.BadArgument
	}
	r := &httpclient.Request{Method: string(method), Length: -1}
	var err error
	if r.URL, err = httpclient.ParseURL(string(rawURL)); err != nil {
		return nil, abi.BadArgument
	}
	if !parseHTTPOptions(r, options) || r.Stream && len(body) > 0 {
		return nil, abi.BadArgument
	}
	if len(headers) > httpclient.MaxHeaders || len(body) > httpclient.MaxBody {
		if _, ok := parseList(headers, math.MaxInt); !ok {
			return nil, abi.BadArgument
		}
		return nil, abi.NoMemory
	}
	fields, ok := parseList(headers, maxHTTPItems)
	if !ok || len(fields)%2 != 0 {
		return nil, abi.BadArgument
	}
	for i := 0; i < len(fields); i += 2 {
		name, value := fields[i], fields[i+1]
		if !isToken(bytesOf(name)) || len(name) > maxFieldName || !isFieldValue(bytesOf(value)) {
			return nil, abi.BadArgument
		}
		r.AddHeader(name, value)
	}
	if len(body) > 0 {
		r.Body = append([]byte(nil), body...)
	}
	return r, 0
}

// parseHTTPOptions sets what the options say. Each must be known, be given
// once and have a value in its range.
func parseHTTPOptions(r *httpclient.Request, list []byte) bool {
	const maxOptions = 2 * 9
	items, ok := parseList(list, maxOptions)
	if !ok || len(items)%2 != 0 {
		return false
	}
	given := map[string]bool{}
	for i := 0; i < len(items); i += 2 {
		name := items[i]
		value, err := strconv.ParseInt(items[i+1], 10, 64)
		if err != nil || value < 0 || given[name] {
			return false
		}
		given[name] = true
		var most int64
		set := func(limit *time.Duration, longest time.Duration) {
			most = int64(longest / time.Millisecond)
			*limit = time.Duration(min(value, most)) * time.Millisecond
		}
		switch name {
		case "connect_timeout":
			set(&r.Limits.Connect, httpclient.MaxStep)
		case "tls_timeout":
			set(&r.Limits.TLS, httpclient.MaxStep)
		case "header_timeout":
			set(&r.Limits.Header, httpclient.MaxTotal)
		case "timeout":
			set(&r.Limits.Total, httpclient.MaxTotal)
		case "redirects":
			r.Redirects, most = int(min(value, httpclient.MaxRedirects)), httpclient.MaxRedirects
		case "decompress":
			r.Decompress, most = value == 1, 1
		case "response_limit":
			r.Most, most = value, math.MaxInt64
		case "stream":
			r.Stream, most = value == 1, 1
		case "length":
			r.Length, most = value, math.MaxInt64
		}
		if value > most || value == 0 && most == 0 {
			return false
		}
	}
	return r.Length < 0 || r.Stream
}

//go:build !wasip1

package sdktest

import (
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// maxSubrequests is how many may be open at once.
const maxSubrequests = 32

// openSubrequest is a subrequest that the plugin has begun and not closed.
type openSubrequest struct {
	status  int
	headers string // a list
	body    string
}

// notInherited are the headers of a request that its subrequests do not have.
var notInherited = []string{"Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Connection", "Keep-Alive", "Upgrade", "Te"}

// Subrequests sets what answers the plugin's subrequests from now on: they are
// made for a request with headers of its own, and a response of Status 0 is a
// 200. Without it they are answered with 404, as where no route matches.
func (h *Host) Subrequests(answer func(Request) Upstream) { h.fake.subrequests = answer }

// SubrequestStart implements imports.Host.
func (f *fake) SubrequestStart(method, uri, headers, body string) int32 {
	list, ok := parseList(headers, 200)
	if !ok || len(list)%2 != 0 || !isToken(method) || len(uri) > maxLine || !isTarget(uri) ||
		body != "" && (method == http.MethodGet || method == http.MethodHead) {
		return badArgument
	}
	x := f.exchange
	r := x.Request()
	header := maps.Clone(r.Header)
	for i := 0; i < len(list); i += 2 {
		if !isToken(list[i]) || !isFieldValue(list[i+1]) {
			return badArgument
		}
		header.Set(list[i], strings.Clone(list[i+1]))
	}
	for _, name := range notInherited {
		header.Del(name)
	}
	number := 0
	for number < len(x.subrequests) && x.subrequests[number] != nil {
		number++
	}
	switch {
	case number == maxSubrequests:
		return noMemory
	case number == len(x.subrequests):
		x.subrequests = append(x.subrequests, nil)
	}
	answer := Upstream{Status: http.StatusNotFound, Chunks: []string{"404 Not Found\n"}}
	if f.subrequests != nil {
		answer = f.subrequests(Request{
			Method: strings.Clone(method), Target: strings.Clone(uri), Protocol: "HTTP/1.1",
			Host: cmp.Or(header.Get("Host"), r.Host), Header: header, Body: strings.Clone(body),
			RemoteAddr: r.RemoteAddr, TLS: r.TLS,
		})
	}
	open := &openSubrequest{status: cmp.Or(answer.Status, http.StatusOK), body: strings.Join(answer.Chunks, "")}
	var response []byte
	response = appendItem(appendItem(response, "Content-Length"), strconv.Itoa(len(open.body)))
	for _, field := range fieldsOf(answer.Header) {
		response = appendItem(appendItem(response, field.name), field.value)
	}
	open.headers = string(response)
	x.subrequests[number] = open
	return int32(number)
}

func (f *fake) subrequest(number int32) *openSubrequest {
	if number < 0 || int(number) >= len(f.exchange.subrequests) {
		return nil
	}
	return f.exchange.subrequests[number]
}

// SubrequestStatus implements imports.Host.
func (f *fake) SubrequestStatus(number int32) int32 {
	open := f.subrequest(number)
	if open == nil {
		return notFound
	}
	return int32(open.status)
}

// SubrequestHeaders implements imports.Host.
func (f *fake) SubrequestHeaders(number int32, buf []byte) int32 {
	open := f.subrequest(number)
	if open == nil {
		return notFound
	}
	return reply(buf, open.headers)
}

// SubrequestRead implements imports.Host.
func (f *fake) SubrequestRead(number int32, buf []byte) int32 {
	open := f.subrequest(number)
	if open == nil {
		return notFound
	}
	n := copy(buf, open.body)
	open.body = open.body[n:]
	return int32(n)
}

// SubrequestClose implements imports.Host.
func (f *fake) SubrequestClose(number int32) int32 {
	if f.subrequest(number) == nil {
		return notFound
	}
	f.exchange.subrequests[number] = nil
	return done
}

package sdk

import (
	"iter"

	"phasm/sdk/internal/imports"
)

// Subrequest is a request to the server that the plugin runs in
// (ngx.location.capture): it goes through routing and all phases but log, with
// a context of its own, and carries the headers of the request it is made for.
type Subrequest struct {
	Method string      // empty is GET
	URI    string      // path and query
	Header [][2]string // in place of those of these names
	Body   []byte
}

// Subresponse is the response to a subrequest.
type Subresponse struct {
	Status  int
	Body    []byte
	headers string
}

// Header is the first value of a header, empty where there is none.
func (r *Subresponse) Header(name string) string {
	for n, v := range r.Headers() {
		if equalFold(n, name) {
			return v
		}
	}
	return ""
}

// Headers goes through all headers.
func (r *Subresponse) Headers() iter.Seq2[string, string] { return pairs(r.headers) }

// Do makes a subrequest and waits for its response. A target that does not
// begin with a slash, a header that cannot be one or a body for a method that
// has none is [ErrBadArgument], a response of more than 8 MiB, or subrequests
// nested more than 10 deep, [ErrNoMemory]. [ErrTimeout] and [ErrClosed] end the
// waiting as in [Sleep]. Phases: rewrite, access, content.
func (s Subrequest) Do() (*Subresponse, error) {
	number := s.start()
	defer imports.SubrequestClose(number)
	return receive(number)
}

// DoAll makes subrequests, at most 32, side by side (ngx.location.capture_multi)
// and waits for all responses, in the order of the subrequests. With an error,
// which is the first one's, comes nil for each that has failed.
func DoAll(all ...Subrequest) (responses []*Subresponse, err error) {
	numbers := make([]int32, len(all))
	for i, s := range all {
		numbers[i] = s.start()
	}
	for _, number := range numbers {
		r, failed := receive(number)
		if err == nil {
			err = failed
		}
		responses = append(responses, r)
		imports.SubrequestClose(number)
	}
	return responses, err
}

// start answers the subrequest's number, or an error.
func (s Subrequest) start() int32 {
	method := s.Method
	if method == "" {
		method = "GET"
	}
	var headers []byte
	for _, h := range s.Header {
		headers = appendItem(appendItem(headers, h[0]), h[1])
	}
	return imports.SubrequestStart(method, s.URI, stringOf(headers), stringOf(s.Body))
}

func receive(number int32) (*Subresponse, error) {
	if number < 0 {
		return nil, errnoOf(number)
	}
	status := imports.SubrequestStatus(number)
	if status < 0 {
		return nil, errnoOf(status)
	}
	r := &Subresponse{Status: int(status), headers: text(appendSubrequestHeaders(scratch, number))}
	for {
		if len(r.Body) == cap(r.Body) {
			r.Body = grow(r.Body, int32(max(leastBodyStep, len(r.Body))))
		}
		switch n := imports.SubrequestRead(number, free(r.Body)); {
		case n < 0:
			return nil, errnoOf(n)
		case n == 0:
			return r, nil
		default:
			r.Body = r.Body[:len(r.Body)+int(n)]
		}
	}
}

func appendSubrequestHeaders(dst []byte, number int32) ([]byte, error) {
	n := imports.SubrequestHeaders(number, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.SubrequestHeaders(number, free(dst))
	}
	return taken(dst, n)
}

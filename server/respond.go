package server

import "phasm/server/config"

// fixedAnswer is content that stands in the configuration (nginx: return).
type fixedAnswer struct {
	status  int
	body    []byte
	headers []config.Header
}

func newFixedAnswer(r *config.Respond) content {
	return &fixedAnswer{status: r.Status, body: []byte(r.Body), headers: r.Headers}
}

func (a *fixedAnswer) serve(x *exchange) {
	x.response.SetStatusCode(a.status)
	x.response.SetBodyRaw(a.body)
	for _, h := range a.headers {
		for _, value := range h.Values {
			x.response.Header.Add(h.Name, value)
		}
	}
}

func (a *fixedAnswer) close() {}

package server

import (
	"github.com/valyala/fasthttp"

	"phasm/server/upstream"
)

// proxy is content that a peer of an upstream makes (nginx: proxy_pass).
type proxy struct {
	group *upstream.Group
}

func (p *proxy) serve(x *exchange) { x.answer(fasthttp.StatusBadGateway) }
func (p *proxy) close()            {}

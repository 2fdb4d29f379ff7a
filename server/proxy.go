package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"phasm/server/upstream"
)

// proxy is content that a peer of an upstream makes (nginx: proxy_pass).
type proxy struct {
	group *upstream.Group
}

func (p *proxy) serve(x *exchange) {
	peer, err := x.pick(p.group, &upstream.Request{Client: x.RemoteAddr.Addr()})
	if errors.Is(err, errEnded) {
		return
	}
	if err == nil {
		peer.Done(upstream.Unasked)
	}
	x.answer(fasthttp.StatusBadGateway)
}

func (p *proxy) close() {}

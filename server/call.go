package server

import (
	"errors"

	"github.com/valyala/fasthttp"

	"phasm/plugins"
	"phasm/pool"
	"phasm/sdk/abi"
)

// run runs one of the phases that may end a request early, plugin by plugin.
// It tells whether one of them did.
func (x *exchange) run(phase abi.Phase) (final bool) {
	for _, p := range x.route.chains[phase] {
		if x.call(p, phase) {
			return true
		}
	}
	return false
}

// call runs a phase of one plugin. True means that the response is final.
func (x *exchange) call(p *plugins.Plugin, phase abi.Phase) (final bool) {
	i, err := x.instance(p)
	if err != nil {
		return x.unavailable(p, phase, err)
	}
	if i == nil {
		return false
	}
	action, err := i.Run(&x.Exchange, phase)
	if err != nil {
		return x.fault(p, phase, err)
	}
	return action == abi.Final || x.Ended
}

// instance is the plugin's instance for this exchange, taken when it is first
// needed and given back after log, so that its memory carries state from phase
// to phase. It is nil where the plugin has failed in this exchange: it does not
// run in it again.
func (x *exchange) instance(p *plugins.Plugin) (*plugins.Instance, error) {
	for k := range x.held {
		if h := &x.held[k]; h.plugin == p {
			if h.instance.Broken() {
				return nil, nil
			}
			return h.instance, nil
		}
	}
	i, err := p.AcquireAfter(x.stepAside)
	if err != nil {
		i = nil
	} else {
		i.Begin()
	}
	x.held = append(x.held, held{p, i})
	return i, err
}

// fault ends a plugin's part in the exchange. Where the configuration says
// open the request goes on without it, else it fails.
func (x *exchange) fault(p *plugins.Plugin, phase abi.Phase, err error) (final bool) {
	x.generation.log.Error(err.Error(), "route", x.Route, "request_id", string(x.ID()))
	return x.failClosed(p, phase, fasthttp.StatusInternalServerError)
}

// unavailable is the fault of a plugin that has no instance to offer.
func (x *exchange) unavailable(p *plugins.Plugin, phase abi.Phase, err error) (final bool) {
	status := fasthttp.StatusInternalServerError
	quarantined := errors.Is(err, plugins.ErrQuarantined)
	if quarantined || errors.Is(err, pool.ErrBusy) || errors.Is(err, plugins.ErrMemory) {
		status = fasthttp.StatusServiceUnavailable
	}
	if !quarantined { // its beginning has been logged
		x.generation.log.Error("no instance of the plugin", "plugin", p.Name(), "phase", phase.String(), "error", err)
	}
	return x.failClosed(p, phase, status)
}

func (x *exchange) failClosed(p *plugins.Plugin, phase abi.Phase, status int) (final bool) {
	if x.Ended { // what the plugin asked for before it failed is void
		x.ResetRoute()
		x.response.SetStatusCode(fasthttp.StatusOK)
		x.response.Header.Del(fasthttp.HeaderLocation)
	}
	if p.Open() && phase != abi.Content || phase == abi.Log {
		return false
	}
	if phase == abi.HeaderFilter || phase == abi.BodyFilter {
		x.unfiltered = true
	}
	x.fail(status)
	return true
}

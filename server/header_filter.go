package server

import "phasm/sdk/abi"

// filterHead runs header_filter, once, before the response's head is sent.
func (x *exchange) filterHead() {
	if x.headFiltered {
		return
	}
	x.headFiltered = true
	for _, p := range x.route.chains[abi.HeaderFilter] {
		if x.call(p, abi.HeaderFilter) && x.unfiltered {
			return // it failed: the response is an error's now
		}
	}
}

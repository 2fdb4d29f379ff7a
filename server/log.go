package server

import (
	"time"

	"phasm/sdk/abi"
)

// log ends an exchange whose response has been handed to the connection: it
// counts it, writes its line into the access log and runs the log phase. Log
// plugins run when the client has the whole response; where there are none
// the response may still wait in the connection's buffer for the next of a
// pipeline, so that several go out by one system call.
func (x *exchange) log() {
	x.BytesSent += x.BodySent
	now := time.Since(x.Epoch)
	if x.conn.parent != nil { // as in nginx (log_subrequest off)
		x.conn.ended = now
		return
	}
	took := now - x.Begun
	x.route.metrics.count(x, took)
	x.generation.turns.Served()
	if log := x.generation.accessLog; log != nil {
		log.append(func(dst []byte) []byte { return appendAccess(dst, x, took) })
	}
	if !x.route.has(abi.Log) {
		x.conn.ended = now
		if x.conn.stream != nil {
			x.sendErr = x.conn.deliver(x.sendErr)
		}
		return
	}
	x.sendErr = x.conn.deliver(x.sendErr)
	for _, p := range x.route.chains[abi.Log] {
		x.call(p, abi.Log)
	}
	x.conn.ended = time.Since(x.Epoch)
}

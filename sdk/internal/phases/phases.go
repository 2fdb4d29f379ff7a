// Package phases holds the handlers that a plugin has registered, for the
// exports of the guest and for sdktest, which runs them natively.
//
// A guest has one thread, and so has a plugin's test: nothing here is safe
// for concurrent use.
package phases

import "phasm/sdk/abi"

// Handler does a phase's work. Whom the phase is about is known to the host.
type Handler func() abi.Action

// Table is everything that has been registered.
type Table struct {
	handlers [abi.NumPhases]Handler
	setup    []Handler
	timers   []timer
	message  Handler
	missed   Handler
}

// timer is the handler of the timers of a name.
type timer struct {
	name string
	h    Handler
}

// registered is the only state that a registration in a plugin's init function
// can go to: the host calls exported functions, which take no receiver.
var registered Table

// Register makes h the handler of phase p. A second one for the same phase
// panics: only one of the two could run.
func Register(p abi.Phase, h Handler) {
	if registered.handlers[p] != nil {
		panic("sdk: two handlers for the " + p.String() + " phase: a plugin has one for each phase")
	}
	registered.handlers[p] = h
}

// RegisterTimer makes h the handler of timers of a name. A second one for the
// same name panics.
func RegisterTimer(name string, h Handler) {
	if Timer(name) != nil {
		panic("sdk: two handlers for timers called " + name)
	}
	registered.timers = append(registered.timers[:len(registered.timers):len(registered.timers)], timer{name, h})
}

// Timer is the handler of timers of a name, or nil.
func Timer(name string) Handler {
	for _, t := range registered.timers {
		if t.name == name {
			return t.h
		}
	}
	return nil
}

// RegisterMessage makes h the handler of messages. A second one panics.
func RegisterMessage(h Handler) { only(&registered.message, h, "messages") }

// RegisterMissed makes h the handler of missed messages. A second one panics.
func RegisterMissed(h Handler) { only(&registered.missed, h, "missed messages") }

func only(place *Handler, h Handler, of string) {
	if *place != nil {
		panic("sdk: two handlers for " + of)
	}
	*place = h
}

// Message is the handler of messages, or of missed ones; nil where there is
// none.
func Message(missed bool) Handler {
	if missed {
		return registered.missed
	}
	return registered.message
}

// Setup adds h to what runs in the init phase: before its handler, or after it
// where the handler itself adds it.
func Setup(h Handler) { registered.setup = append(registered.setup, h) }

// Registered is the set of phases that have something to run.
func Registered() abi.Mask {
	var m abi.Mask
	for p := range abi.NumPhases {
		if registered.handlers[p] != nil {
			m |= p.Mask()
		}
	}
	if len(registered.setup) > 0 {
		m |= abi.Init.Mask()
	}
	return m
}

// Run runs the handler of phase p, if there is one.
func Run(p abi.Phase) abi.Action {
	if p != abi.Init {
		return handle(p)
	}
	action := setUp(0)
	if n := len(registered.setup); action == abi.Continue {
		if action = handle(abi.Init); action == abi.Continue {
			action = setUp(n)
		}
	}
	return action
}

// setUp runs what Setup added, from the nth on.
func setUp(n int) abi.Action {
	for _, h := range registered.setup[n:] {
		if action := h(); action != abi.Continue {
			return action
		}
	}
	return abi.Continue
}

func handle(p abi.Phase) abi.Action {
	if h := registered.handlers[p]; h != nil {
		return h()
	}
	return abi.Continue
}

// Save answers what is registered, for Restore to go back to.
func Save() Table { return registered }

// Restore forgets what was registered since t was saved.
func Restore(t Table) { registered = t }

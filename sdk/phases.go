package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/internal/phases"
)

// Action is what a handler answers: [Continue] or [Final].
type Action = abi.Action

// Actions. Any other value fails the request.
const (
	Continue = abi.Continue // go on with the next plugin, then with the next phase
	Final    = abi.Final    // the response is complete: pass over what is left of rewrite, access and content
)

// failed is the action of a handler without a request that could not do its
// work. The server takes it for a fault.
const failed Action = -1

// Init registers what runs once when the configuration is loaded
// (init_by_lua): it reads the configuration and fills package variables. Every
// instance begins with a copy of the memory that it leaves. It sees no request.
// An error keeps the plugin, and with it the configuration that names it, from
// being loaded.
//
// Like the following functions it is called in the plugin's init function. A
// second handler for the same phase panics.
func Init(f func() error) { phases.Register(abi.Init, lifecycle(f)) }

// InitWorker registers what runs once per loaded configuration, after Init of
// every plugin and before the first request (init_worker_by_lua; there is one
// worker). One instance runs it, so it cannot prepare the variables of others.
// It sees no request.
func InitWorker(f func() error) { phases.Register(abi.InitWorker, lifecycle(f)) }

// ExitWorker registers what runs once per loaded configuration, after its last
// request (exit_worker_by_lua). It sees no request.
func ExitWorker(f func() error) { phases.Register(abi.ExitWorker, lifecycle(f)) }

// handlers are the plugin's functions that run for each request, for the
// exports to call without a step in between. Natively they run as they are
// registered.
var handlers struct {
	rewrite, access, content func(*Request) Action
	headerFilter, log        func(*Request)
	bodyFilter               func(*Request, *Chunk)
}

// Rewrite registers what changes the request before anything else sees it, or
// answers it early (rewrite_by_lua).
func Rewrite(f func(r *Request) Action) {
	phases.Register(abi.Rewrite, decision(f))
	handlers.rewrite = f
}

// Access registers what decides who may go on: [Request.Exit] with 401 or 403
// keeps a request out (access_by_lua).
func Access(f func(r *Request) Action) {
	phases.Register(abi.Access, decision(f))
	handlers.access = f
}

// Content registers what makes the response (content_by_lua).
func Content(f func(r *Request) Action) {
	phases.Register(abi.Content, decision(f))
	handlers.content = f
}

// HeaderFilter registers what changes the response's status and headers,
// whoever made the response (header_filter_by_lua).
func HeaderFilter(f func(r *Request)) {
	phases.Register(abi.HeaderFilter, observation(f))
	handlers.headerFilter = f
}

// BodyFilter registers what changes the response's body (body_filter_by_lua). It
// is called for each chunk of at most 64 KiB as it passes, and exactly once with
// [Chunk.EOF].
func BodyFilter(f func(r *Request, c *Chunk)) {
	phases.Register(abi.BodyFilter, func() Action {
		f(&request, &chunk)
		return Continue
	})
	handlers.bodyFilter = f
}

// Log registers what runs once the client has the whole response (log_by_lua):
// also after an early error, and without any way to change the response. It
// may wait, for Redis or another server: no client does.
func Log(f func(r *Request)) {
	phases.Register(abi.Log, observation(f))
	handlers.log = f
}

func decision(f func(*Request) Action) phases.Handler {
	return func() Action { return f(&request) }
}

func observation(f func(*Request)) phases.Handler {
	return func() Action {
		f(&request)
		return Continue
	}
}

func lifecycle(f func() error) phases.Handler {
	return func() Action {
		if err := f(); err != nil {
			imports.Log(int32(LevelError), err.Error())
			return failed
		}
		return Continue
	}
}

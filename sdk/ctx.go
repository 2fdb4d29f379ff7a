package sdk

import "phasm/sdk/internal/imports"

// Ctx is a value of the exchange's context (ngx.ctx), empty where there is none.
// All plugins of the exchange share the context, it survives [Request.Exec],
// and it ends with the exchange.
func (r *Request) Ctx(key string) string {
	n := imports.CtxGet(key, room())
	if fitted(n) {
		return cut(n)
	}
	return text(r.AppendCtx(renewed(n), key))
}

// AppendCtx appends a value of the exchange's context to dst.
func (r *Request) AppendCtx(dst []byte, key string) ([]byte, error) {
	n := imports.CtxGet(key, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.CtxGet(key, free(dst))
	}
	return taken(dst, n)
}

// HasCtx tells whether the exchange's context has a value of that key.
func (r *Request) HasCtx(key string) bool { return imports.CtxGet(key, nil) >= 0 }

// SetCtx sets a value of the exchange's context. Keys and values together hold
// at most 64 KiB: more is [ErrNoMemory].
func (r *Request) SetCtx(key, value string) error { return errnoOf(imports.CtxSet(key, value)) }

// SetCtxBytes is [Request.SetCtx] for bytes.
func (r *Request) SetCtxBytes(key string, value []byte) error {
	return r.SetCtx(key, stringOf(value))
}

// RemoveCtx removes a value from the exchange's context; that there was none
// is no error.
func (r *Request) RemoveCtx(key string) error { return errnoOf(imports.CtxRemove(key)) }

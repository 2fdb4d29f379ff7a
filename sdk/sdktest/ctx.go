//go:build !wasip1

package sdktest

import "strings"

// maxCtx is how many bytes of keys and values an exchange's context holds.
const maxCtx = 64 << 10

// CtxGet implements imports.Host.
func (f *fake) CtxGet(key string, buf []byte) int32 {
	value, found := f.exchange.ctx[key]
	if !found {
		return notFound
	}
	return reply(buf, value)
}

// CtxSet implements imports.Host.
func (f *fake) CtxSet(key, value string) int32 {
	ctx := f.exchange.ctx
	size := len(key) + len(value)
	for k, v := range ctx {
		if k != key {
			size += len(k) + len(v)
		}
	}
	if size > maxCtx {
		return noMemory
	}
	ctx[strings.Clone(key)] = strings.Clone(value)
	return done
}

// CtxRemove implements imports.Host.
func (f *fake) CtxRemove(key string) int32 {
	delete(f.exchange.ctx, key)
	return done
}

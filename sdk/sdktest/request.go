//go:build !wasip1

package sdktest

import (
	"errors"
	"strings"

	"phasm/sdk/abi"
)

// RequestMethod implements imports.Host.
func (f *fake) RequestMethod(buf []byte) int32 { return reply(buf, f.exchange.method) }

// RequestSetMethod implements imports.Host.
func (f *fake) RequestSetMethod(method string) int32 {
	if len(method) > maxLine || !isToken(method) {
		return badArgument
	}
	f.exchange.method = method
	return done
}

// RequestURI implements imports.Host.
func (f *fake) RequestURI(buf []byte) int32 { return reply(buf, f.exchange.uri) }

// RequestSetURI implements imports.Host.
func (f *fake) RequestSetURI(uri string) int32 {
	if !isTarget(uri) {
		return badArgument
	}
	f.exchange.uri = canonicalTarget(uri)
	return done
}

// RequestPath implements imports.Host.
func (f *fake) RequestPath(buf []byte) int32 { return reply(buf, f.exchange.path()) }

// RequestQuery implements imports.Host.
func (f *fake) RequestQuery(buf []byte) int32 { return reply(buf, f.exchange.query()) }

// RequestSetQuery implements imports.Host.
func (f *fake) RequestSetQuery(query string) int32 {
	if len(query) > maxLine || !isURIText(query) {
		return badArgument
	}
	x := f.exchange
	x.uri, _, _ = strings.Cut(x.uri, "?")
	if query != "" {
		x.uri += "?" + query
	}
	return done
}

// QueryGet implements imports.Host.
func (f *fake) QueryGet(name string, index int32, buf []byte) int32 {
	if index < 0 {
		return badArgument
	}
	for _, arg := range f.exchange.arguments() {
		if arg.name != name {
			continue
		}
		if index == 0 {
			return reply(buf, arg.value)
		}
		index--
	}
	return notFound
}

// QueryList implements imports.Host.
func (f *fake) QueryList(buf []byte) int32 { return reply(buf, f.exchange.arguments().list()) }

// ParamGet implements imports.Host.
func (f *fake) ParamGet(name string, buf []byte) int32 {
	value, found := f.exchange.params.get(name)
	if !found {
		return notFound
	}
	return reply(buf, value)
}

// ParamList implements imports.Host.
func (f *fake) ParamList(buf []byte) int32 { return reply(buf, f.exchange.params.list()) }

// RequestStart implements imports.Host.
func (f *fake) RequestStart() int64 { return f.exchange.start }

// RequestHeaderGet implements imports.Host.
func (f *fake) RequestHeaderGet(name string, buf []byte) int32 {
	return f.exchange.header.reply(name, buf)
}

// RequestHeaderSet implements imports.Host.
func (f *fake) RequestHeaderSet(name, value string) int32 {
	return f.exchange.change(&f.exchange.header, name, value, false)
}

// RequestHeaderAdd implements imports.Host.
func (f *fake) RequestHeaderAdd(name, value string) int32 {
	return f.exchange.change(&f.exchange.header, name, value, true)
}

// RequestHeaderRemove implements imports.Host.
func (f *fake) RequestHeaderRemove(name string) int32 {
	return f.exchange.header.drop(name)
}

// RequestHeaderList implements imports.Host.
func (f *fake) RequestHeaderList(buf []byte) int32 { return reply(buf, f.exchange.header.list()) }

// RequestBodyRead implements imports.Host.
func (f *fake) RequestBodyRead(buf []byte) int32 {
	if len(buf) == 0 {
		return badArgument
	}
	x := f.exchange
	rest := x.body[min(x.bodyRead, len(x.body)):]
	if rest == "" && x.bodyErr != nil {
		var e abi.Errno
		if !errors.As(x.bodyErr, &e) {
			e = abi.IO
		}
		x.tooLarge = x.tooLarge || e == abi.NoMemory
		return int32(e)
	}
	n := copy(buf, rest)
	x.bodyRead += n
	return int32(n)
}

// RequestBodySet implements imports.Host.
func (f *fake) RequestBodySet(body string) int32 {
	f.exchange.body, f.exchange.bodyErr, f.exchange.bodyRead = strings.Clone(body), nil, 0
	return done
}

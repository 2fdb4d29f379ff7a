// Package main is replace: a body filter that replaces text, also where it is
// spread over several chunks.
package main

import (
	"errors"

	"phasm/sdk"
)

func init() {
	sdk.Init(configure)
	sdk.HeaderFilter(begin)
	sdk.BodyFilter(filter)
}

func main() {}

// text does the replacing for the exchange that the instance serves.
var text replacer

// skip tells that the response's body is none to look for text in.
var skip bool

// output is where chunks are put together.
var output []byte

func configure() error {
	from := sdk.Config("from")
	if from == "" {
		return errors.New(`there is nothing to replace: set config.from, for example config = { from = "http://", to = "https://" }`)
	}
	text = replacer{from: []byte(from), to: []byte(sdk.Config("to"))}
	return nil
}

// begin forgets the exchange before, and takes out of the head what is no
// longer true of a changed body. Content-Length is the server's business.
func begin(r *sdk.Request) {
	text.reset()
	w := r.Response()
	if skip = w.HasHeader("Content-Encoding"); skip {
		return // compressed: the text is not there to be found
	}
	w.RemoveHeader("ETag")
	w.RemoveHeader("Last-Modified")
	w.RemoveHeader("Accept-Ranges")
}

func filter(r *sdk.Request, c *sdk.Chunk) {
	if skip {
		return
	}
	output = text.append(output[:0], c.Bytes(), c.EOF())
	if err := c.Set(output); err != nil {
		sdk.Error("cannot replace a chunk: " + err.Error())
	}
}

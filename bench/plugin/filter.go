package main

import (
	"bytes"

	"phasm/sdk"
)

// secure sets four headers.
func secure(r *sdk.Request) {
	w := r.Response()
	w.SetHeader("X-Frame-Options", "DENY")
	w.SetHeader("X-Content-Type-Options", "nosniff")
	w.SetHeader("Referrer-Policy", "no-referrer")
	w.SetHeader("Permissions-Policy", "camera=()")
}

var before, after = []byte("fox"), []byte("cat")

// replace replaces a word. One that two chunks share it does not see, as the
// other side does not.
func replace(_ *sdk.Request, c *sdk.Chunk) {
	if data := c.Bytes(); bytes.Contains(data, before) {
		c.Set(bytes.ReplaceAll(data, before, after))
	}
}

package main

import "phasm/sdk"

// secure sets four headers.
func secure(r *sdk.Request) {
	w := r.Response()
	w.SetHeader("X-Frame-Options", "DENY")
	w.SetHeader("X-Content-Type-Options", "nosniff")
	w.SetHeader("Referrer-Policy", "no-referrer")
	w.SetHeader("Permissions-Policy", "camera=()")
}

// compileWord compiles only what this workload needs.
func compileWord() (err error) {
	fox, err = sdk.Compile("fox")
	return err
}

var fox *sdk.Regexp

// replace replaces a word. One that two chunks share it does not see, as the
// other side does not.
func replace(_ *sdk.Request, c *sdk.Chunk) {
	if _, err := c.Replace(fox, "cat", -1); err != nil {
		sdk.Error(err.Error())
	}
}

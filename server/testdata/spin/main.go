// Command spin is a plugin that never comes to an end.
package main

import "phasm/sdk"

var n uint64

func init() {
	sdk.Content(func(*sdk.Request) sdk.Action {
		for {
			n++
		}
	})
}

func main() {}

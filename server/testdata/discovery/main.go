// Package main changes the peers of an upstream as requests ask for.
package main

import (
	"fmt"

	"phasm/sdk"
)

func init() { sdk.Content(change) }

func main() {}

// change adds the peer of the argument add, removes that of remove, and answers
// what went wrong and the peers there are.
func change(r *sdk.Request) sdk.Action {
	upstream := sdk.Upstream(r.Query("upstream"))
	if address := r.Query("add"); address != "" {
		fmt.Fprintln(r.Response(), upstream.Add(address, 2))
	}
	if address := r.Query("remove"); address != "" {
		fmt.Fprintln(r.Response(), upstream.Remove(address))
	}
	peers, err := upstream.Peers()
	fmt.Fprintln(r.Response(), peers, err)
	return sdk.Final
}

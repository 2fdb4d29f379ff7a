// Package main is a plugin that lives in the module of phasm itself.
package main

import "phasm/sdk/abi"

//go:wasmexport on_content
func onContent() int32 { return int32(abi.Final) }

func main() {}

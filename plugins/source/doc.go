// Package source builds a plugin from the Go main package it is written in,
// with the stock toolchain:
//
//	GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 go build -buildmode=c-shared -trimpath -buildvcs=false
//
// No linker flags are added. -s would save 2 % of the module and drop its
// name section, and with it the function names in a trap's backtrace; -w
// changes nothing, because the linker writes no DWARF for wasm.
//
// # The cache
//
// Asking the go command whether anything changed takes it longer than a
// server has at every reload, and needs the toolchain on the machine. So each
// build leaves a folder in the cache, named after the source directory:
//
//	<cache>/<hash of the directory's path>/manifest.json
//	<cache>/<hash of the directory's path>/<hash of the inputs>.wasm
//
// The manifest says what the build could see (see inputs): the directories
// of the packages outside of the standard library, their embed patterns, the
// go.mod, go.sum and go.work files up the tree. To answer from the cache is to
// hash the content of all that anew, compare, and check the module against its
// checksum; the go command does not run. A machine without the go command
// is served from a cache that was filled elsewhere at the same paths.
//
// The same list of inputs is what phasm -watch looks at.
//
// Whatever is wrong with the cache (a missing, cut off or altered file) is
// answered with a new build. Several processes may share one: files come into
// place by rename. The newest module of each source directory is kept, so the
// cache is as large as the plugins are many.
package source

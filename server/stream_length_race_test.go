//go:build race

package server

// streamLength is less under the race detector, which is slow and has memory of
// its own.
const streamLength = 8 << 20

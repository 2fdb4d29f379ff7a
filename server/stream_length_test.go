//go:build !race

package server

// streamLength is how much passes through a plugin where that must not take
// memory, in bytes.
const streamLength = 100 << 20

//go:build race

package plugins

import "testing"

// residentSize is unknown: most of it is the race detector's.
func residentSize(testing.TB) int64 { return 0 }

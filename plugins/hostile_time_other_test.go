//go:build !linux

package plugins

import (
	"testing"
	"time"
)

var began = time.Now()

// threadTime is the time that passes, for want of the thread's own.
func threadTime(testing.TB) time.Duration { return time.Since(began) }

//go:build !linux

package openloop

import (
	"errors"
	"time"
)

// Load is a client.
type Load struct{}

// New answers an error: the client waits with Linux' epoll.
func New(Options) (*Load, error) {
	return nil, errors.New("the open-loop client runs on Linux only")
}

// Run sends so many requests a second for some time.
func (*Load) Run(float64, time.Duration) (Result, error) { return Result{}, nil }

// Close closes the connections.
func (*Load) Close() {}

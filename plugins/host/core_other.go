//go:build !linux

package host

func yieldCore() {}

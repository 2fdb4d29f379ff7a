//go:build !linux

package memory

// systemKinds are the ways to hold memories that only this system has.
func systemKinds() []kind { return nil }

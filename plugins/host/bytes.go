package host

import "unsafe"

// bytesOf is s as bytes, without a copy: for reading only, and no longer than
// s lives.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// stringOf is b as a string, without a copy: valid until b changes. A string
// made from guest memory must not outlive the host call.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

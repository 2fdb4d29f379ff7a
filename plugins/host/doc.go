// Package host is what a guest sees of the world: the host functions of
// module phasm. table.go lists them all; each capability has a file of its
// own, named like the group in the table.
//
// Every argument comes from code that is not trusted. Pointers and lengths are
// checked against the guest's memory before anything is touched, a view of
// guest memory is never kept past the host call that took it, and a host
// function answers a negative abi.Errno rather than failing.
package host

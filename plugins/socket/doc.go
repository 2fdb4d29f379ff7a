// Package socket does at once what can be done at once with a socket: it reads
// and writes by system calls that Go's scheduler is not told of.
//
// These take some microseconds and never wait. But the scheduler takes any call of
// more than 20 for one that waits, gives the processor to another thread, and has
// this one queue for it again behind everybody else; and to find such calls its
// monitor wakes up every 20 microseconds. Under the race detector, which must hear
// of them, they are usual calls.
package socket

// AtOnce is how many bytes are written at once, at most: copying more takes so
// long that others should run meanwhile.
const AtOnce = 128 << 10

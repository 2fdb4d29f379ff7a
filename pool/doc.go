// Package pool holds what is used again and again: values of which there may
// only be so many. It imports nothing of phasm's.
package pool

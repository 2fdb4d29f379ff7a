// Package memory holds the linear memories of plugins' instances.
//
// A Memory is a range of addresses that is reserved up to its maximum when it
// is made, so that it grows in place and its address never changes:
//
//	0               image's size        size                maximum
//	| the image, copied | grown, zeros    | reserved: every     |
//	| when written      | at first        | access is a fault   |
//
// An Image is what a memory holds at one moment, in a sealed file that lies in
// memory only. Any number of memories start from it, share its pages until
// they write to them, and return to it by Reset. That is how an instance is as
// good as new after each request for the price of the pages it has written.
//
// On Linux a memory takes at most three of the mappings that vm.max_map_count
// limits (65,530 by default, for the whole process): one for each part of the
// picture. An image takes one, and two file descriptors. Elsewhere both are
// plain slices: the same behaviour, but a Reset copies the whole image.
//
// A Budget counts the bytes that memories may access, whether they have
// touched them or not: what was granted can then always be used. Images are
// outside of it; untouched pages of theirs take nothing.
package memory

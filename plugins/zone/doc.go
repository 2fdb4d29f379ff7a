// Package zone holds zones: stores of keys and values that all plugins, their
// instances and the generations of a configuration share. It is what OpenResty
// calls lua_shared_dict.
//
// [Store] is what a zone can do; [Memory] does it in this process.
//
// # What an entry counts
//
// A zone's size bounds what its entries count together: [EntryOverhead] for
// each, with the first 16 bytes of key and text, and 64 for each 60 further
// ones that are begun. Where key and text have more than 4 KiB together it is
// the overhead and their length. Numbers and booleans count nothing beside
// their key. Each element of a list counts like an entry without a key, and
// the list itself 64 more. This is about what they take of the process's
// memory: the overhead includes the index and the queue of expiry times.
//
// # Files
//
// [Content] is what of a zone can be kept beyond the process, in a file that
// people edit: whoever keeps it there asks [Memory.Changes] whether to write.
//
// # Layout
//
// A [Memory] is cut into shards by the keys' hashes, each with a lock of its
// own, so that cores meet only where they use the same keys. A shard keeps its
// entries in cells of 64 bytes, numbered, in segments of 256 that never move:
//
//	index  [bucket] → entry → entry        (a hash's bucket, chained)
//	entry  deadline, number, links, the first 16 bytes of key and text
//	block  the next 60 bytes → block → …
//
// All links are numbers, so the garbage collector has one pointer to follow
// for each 256 cells. The index has its full size from the beginning: nothing
// is ever rehashed while requests wait, but for a change of the zone's size.
// Cells all have one size: memory does not fragment, and what one entry leaves
// any other can take. Only keys and texts of more than 4 KiB together stand on
// the heap: they are never changed in place, so readers share them.
//
// What is dropped in one go, a list or the whole zone, is only unlinked; its
// cells are taken apart as they are needed.
package zone

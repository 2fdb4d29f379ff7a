// Package meter rewrites WebAssembly modules so that what they use can be
// bounded: the processor, tables, and what else the engine keeps for them. It
// also makes their state visible, so that an instance can be copied and reset.
//
// # Steps
//
// A guest counts steps down and asks the host for more when none is left: at
// branches back to a loop, at the beginning of functions, and where eight
// kilobytes of code would run without. The host looks at the clock then, lets
// others run, and stops a guest that has had enough. A step is a nanosecond or
// a few, and in hostile hands what a miss of the cache takes.
//
//	local.get $steps          ;; the branch back of a loop
//	i32.const 1
//	i32.sub
//	local.tee $steps
//	i32.const 0
//	i32.le_s
//	if
//	  call $refill
//	  local.set $steps
//	  …
//	end
//	br $loop
//
// What keeps this cheap:
//
//   - Functions with loops keep the count in a local and give it back to the
//     global where they call others and where they end.
//   - Short functions without loops and calls are not counted at all.
//   - Jumps by a table (below) that lead ahead need no check, and go where they
//     lead at once unless that is the middle of a loop. All that lead back share
//     one call for more steps, out of the loops' way.
//   - What a loop works with is put into globals around the call, by hand. The
//     compiler would else keep it in memory for the sake of a call that is made
//     once in ten thousand passes.
//
// memory.copy, memory.fill and memory.init of more than four kilobytes work in
// chunks that count.
//
// # Stock Go
//
// Go's compiler sends every jump of a function through one br_table at its head.
// jumps.go says how most become the loops and branches that they mean.
//
// Most of what checks of bounds cost in stock Go's code is for its stack frames,
// and needless: stack.go says how they become a check or two for each.
//
// # The rest
//
// The limits of tables are lowered to what is allowed; that of its memory is held
// by package memory. Data segments and the start function become a function that
// a new instance calls, or does not where it gets its memory from a snapshot. The
// mutable numbers among the globals are exported. References to functions that
// code makes are kept in globals: the engine would make one anew each time, and
// keep all of them. Tables, and globals that hold something else, cannot be seen
// from outside: a further global tells whether they have been changed.
//
//	module.go       reading a module
//	instruction.go  reading instructions
//	reader.go       reading numbers and names
//	jumps.go        stock Go's jumps
//	flow.go         what there is to know of the ways through a function for that
//	stack.go        stock Go's stack frames
//	scan.go         what there is to know of a function before it is rewritten
//	function.go     writing a function anew
//	bulk.go         memory.copy, memory.fill, memory.init in chunks
//	data.go         data segments, start function
//	names.go        the name section
//	rewrite.go      writing the module anew
//	encode.go       writing numbers and names
package meter

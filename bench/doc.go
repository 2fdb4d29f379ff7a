// Package main is the benchmark suite: phasm and OpenResty side by side, the
// same work, the same load, on the same cores.
//
//	main.go      flags, and what is run in which order
//	workload.go  a workload: a folder of workloads/ with both configurations
//	process.go   start and stop processes, what they use; process_linux.go: on which core
//	openresty.go find OpenResty, or nginx with its Lua module
//	phasm.go     build phasm
//	stage.go     both servers of a workload, started, with what they need
//	check.go     both give the same answers
//	wrk.go       the load: wrk, and what it prints
//	measure.go   rounds that take turns, medians, ratios
//	peers.go     hello beside other servers: the floor, another host of WASM
//	idle.go      what connections cost that wait
//	report.go    the results as a table for the terminal, Markdown, and JSON
//	chart.go     the results as a picture
//	baseline.go  compare with earlier results
//
// What it costs to serve a request is measured as the server's own CPU time,
// its processes' user and system time divided by the requests that they have
// answered: that is the steadiest figure on a machine with other things to do.
package main

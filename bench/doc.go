// Package main is the benchmark suite: phasm and OpenResty side by side, the
// same work, the same load, on the same cores.
//
//	main.go        flags, and what is run in which order
//	workload.go    a workload: a folder of workloads/ with both configurations
//	process.go     start and stop processes, what they use; process_linux.go: on which core
//	openresty.go   find OpenResty, or nginx with its Lua module
//	phasm.go       build phasm
//	guest.go       build the plugin in C
//	certificate.go make a certificate, for workloads over TLS
//	stage.go       both servers of a workload, started, with what they need
//	check.go       both give the same answers
//	wrk.go         the load: wrk, and what it prints
//	measure.go     rounds that take turns, medians, ratios
//	latency.go     how long answers take below that load, asked for by openloop/
//	specials.go    around hello, what follows:
//	peers.go       beside other servers: the floor, another host of WASM
//	idle.go        what connections cost that wait
//	hog.go         beside a request that computes
//	reload.go      while configurations are loaded anew
//	report.go      the results as tables for the terminal and in Markdown, and as JSON
//	bars.go        what phasm has to reach
//	chart.go       the results as a picture
//	readme.go      the results in README
//	baseline.go    compare with earlier results
//	profile.go     instead of all that: profiles for the compiler
//
// What it costs to serve a request is measured as the server's own CPU time,
// its processes' user and system time divided by the requests that they have
// answered: that is the steadiest figure on a machine with other things to do.
package main

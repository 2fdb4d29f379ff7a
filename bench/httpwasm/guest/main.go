//go:build wasip1

// Package main is the guest of the http-wasm reference host: it says hello, as
// the workload does.
package main

//go:wasmimport http_handler set_header_value
func setHeader(kind uint32, name *byte, nameLen uint32, value *byte, valueLen uint32)

//go:wasmimport http_handler write_body
func writeBody(kind uint32, body *byte, bodyLen uint32)

// Of the kinds that headers and bodies have.
const response = 1

var name, value, body = []byte("Content-Type"), []byte("text/plain"), []byte("hello, world\n")

//go:wasmexport handle_request
func handleRequest() uint64 {
	setHeader(response, &name[0], uint32(len(name)), &value[0], uint32(len(value)))
	writeBody(response, &body[0], uint32(len(body)))
	return 0 // the response is final
}

//go:wasmexport handle_response
func handleResponse(uint32, uint32) {}

func main() {}

// Package main is another host of WASM plugins to compare with: the reference
// implementation of http-wasm on net/http, as Traefik has it.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/http-wasm/http-wasm-host-go/handler"
	nethttp "github.com/http-wasm/http-wasm-host-go/handler/nethttp"
	"github.com/tetratelabs/wazero"
)

// It is called with the address to listen on and the guest's file.
func main() {
	guest, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	m, err := nethttp.NewMiddleware(ctx, guest, handler.ModuleConfig(wazero.NewModuleConfig().WithStartFunctions("_initialize")))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(os.Args[1], m.NewHandler(ctx, http.NotFoundHandler())))
}

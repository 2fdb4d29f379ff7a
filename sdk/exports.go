//go:build wasip1

package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/phases"
)

// Every phase is exported, because the linker cannot know what a plugin
// registers; phasm_phases tells the host which ones to call. Those that run for
// each request go to the plugin's function directly.

//go:wasmexport phasm_abi_version
func exportVersion() int32 { return abi.Version }

//go:wasmexport phasm_phases
func exportPhases() int32 { return int32(phases.Registered()) }

//go:wasmexport on_init
func onInit() int32 { return int32(phases.Run(abi.Init)) }

//go:wasmexport on_init_worker
func onInitWorker() int32 { return int32(phases.Run(abi.InitWorker)) }

//go:wasmexport on_exit_worker
func onExitWorker() int32 { return int32(phases.Run(abi.ExitWorker)) }

//go:wasmexport on_rewrite
func onRewrite() int32 { return int32(handlers.rewrite(&request)) }

//go:wasmexport on_access
func onAccess() int32 { return int32(handlers.access(&request)) }

//go:wasmexport on_content
func onContent() int32 { return int32(handlers.content(&request)) }

//go:wasmexport on_header_filter
func onHeaderFilter() int32 {
	handlers.headerFilter(&request)
	return int32(Continue)
}

//go:wasmexport on_body_filter
func onBodyFilter() int32 {
	handlers.bodyFilter(&request, &chunk)
	return int32(Continue)
}

//go:wasmexport on_log
func onLog() int32 {
	handlers.log(&request)
	return int32(Continue)
}

//go:wasmexport on_timer
func onTimer() int32 { return int32(phases.Run(abi.Timer)) }

//go:wasmexport on_message
func onMessage() int32 { return int32(phases.Run(abi.Message)) }

//go:wasmexport on_balancer
func onBalancer() int32 { return int32(phases.Run(abi.Balancer)) }

//go:wasmexport on_tls_certificate
func onTLSCertificate() int32 { return int32(phases.Run(abi.TLSCertificate)) }

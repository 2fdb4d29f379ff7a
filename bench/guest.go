package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// buildC builds the plugin in C where there is a compiler for it. Where there is
// none it answers what is missing, and workloads in C are left out.
func buildC(dir string) (path, missing string) {
	for _, compiler := range []string{"clang", "clang-19"} {
		path = filepath.Join(dir, "plugin-c.wasm")
		out, err := exec.Command(compiler, "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-Wl,--strip-debug", "-o", path, "bench/plugin-c/plugin.c").CombinedOutput()
		if err == nil {
			return path, ""
		}
		missing = fmt.Sprintf("workloads in C are left out: %s: %v\n%s(on Debian: %s)", compiler, err, out, howToInstallC)
	}
	return "", missing
}

// howToInstallC is what the plugin in C is built with, on Debian.
const howToInstallC = "apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32"

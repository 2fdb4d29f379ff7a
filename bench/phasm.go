package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// buildPhasm builds phasm from the source in the current folder.
func buildPhasm(dir string) (path string, err error) {
	path = filepath.Join(dir, "phasm")
	c := exec.Command("go", "build", "-o", path, ".")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build phasm: %w\n%s", err, out)
	}
	return path, nil
}

// phasmConfig is a whole configuration around what a workload has.
func phasmConfig(s *stage, rest string) string {
	workers := 1
	if s.all {
		workers = 0
	}
	return fmt.Sprintf(`[server]
workers = %d
[admin]
address = %q
[server.limits]
requests = 1000000000
connections = 20000
[server.timeouts]
idle = "1h"
[server.log]
level = "error"
`, workers, s.Admin) + rest
}

// cache is where phasm keeps what it has built and compiled: the user's own
// cache, so that the suite compiles a plugin once.
func cache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "phasm-bench")
	}
	return filepath.Join(dir, "phasm-bench")
}

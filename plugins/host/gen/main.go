// Command gen writes what plugins/host/table.go decides: the page that
// describes the ABI and the SDK's import files. Run it by go generate in
// plugins/host.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	made, err := files()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for name, data := range made {
		// go generate runs in plugins/host.
		name = filepath.Join("..", "..", name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			err = os.WriteFile(name, data, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

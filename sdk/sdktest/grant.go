//go:build !wasip1

package sdktest

import (
	"fmt"

	"phasm/sdk/abi"
)

// Grant is something that the configuration gives the plugin, and what the
// plugin finds there. Without one it has nothing but its requests.
type Grant func(*fake)

// How many refusals the server logs, and where it cuts their names off.
const (
	maxRefusals    = 50
	maxRefusedName = 100
)

// notGranted answers that, and logs once for each name what would grant it.
func (f *fake) notGranted(kind, name string) int32 {
	message := fmt.Sprintf("%s %q is not granted: add it to %s in [plugins.NAME.grants]", kind, name[:min(len(name), maxRefusedName)], kind)
	if !f.refused[message] && len(f.refused) < maxRefusals {
		f.refused[message] = true
		f.log(LogLine{Level: abi.Error, Phase: f.phase, Message: message})
	}
	return int32(abi.NotGranted)
}

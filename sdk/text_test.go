//go:build !wasip1

package sdk_test

import (
	"fmt"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/sdktest"
)

// TestTexts keeps answers of all lengths: many share a block of memory, and none
// may change when others come.
func TestTexts(t *testing.T) {
	during(t, abi.Content, sdktest.Request{}, func(r *sdk.Request) {
		var kept, want []string
		for n := range 200 {
			for _, length := range []int{0, n, 5 * n, 40 * n} {
				value := strings.Repeat(string(rune('a'+n%26)), length)
				fails(t, "set", r.SetCtx("key", value), nil)
				kept, want = append(kept, r.Ctx("key")), append(want, value)
			}
			equal(t, "none", r.Ctx("none"), "")
		}
		for i := range kept {
			equal(t, fmt.Sprint("answer ", i), kept[i], want[i])
		}
	})
}

package plugins

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"phasm/plugins/metric"
	"phasm/plugins/source"
	"phasm/sdk/abi"
)

// What the host does for guests because they are slow at it: in a stock Go
// guest, metered as always, and by a host call.
func BenchmarkHelpers(b *testing.B) {
	p, err := Load(context.Background(), Options{
		Name: "helpers", Source: "testdata/helpers", Instances: 1, Builder: &source.Builder{},
		Log: slog.New(slog.DiscardHandler), Registry: metric.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	i, x := acquire(b, p), exchange(nil)
	names := []string{"waf-query", "waf-body", "waf-attack"}
	for _, work := range []string{"sha256", "md5", "hmac-sha1", "crc32", "base64-encode", "base64-decode"} {
		for _, size := range []int{32, 1 << 10, 4 << 10, 16 << 10} {
			names = append(names, fmt.Sprintf("%s-%d", work, size))
		}
	}
	for _, name := range names {
		ways := []string{"guest", "host"}
		if strings.HasPrefix(name, "waf-") {
			ways = append(ways, "set")
		}
		for _, way := range ways {
			b.Run(name+"/"+way, func(b *testing.B) {
				x.Request.SetRequestURI("/" + way + "/" + name)
				if _, err := i.Run(x, abi.Access); err != nil || x.Ended {
					b.Fatalf("the guest does not know %s, error %v", name, err)
				}
				b.ReportAllocs()
				for b.Loop() {
					i.Run(x, abi.Content)
				}
			})
		}
	}
}

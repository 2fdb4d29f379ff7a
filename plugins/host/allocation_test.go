package host_test

import (
	"slices"
	"strings"
	"testing"

	"phasm/plugins/host"
)

// These change something that stays, write to the log, or hand out matches that
// package regexp allocates.
var allocating = []string{"log", "metric_define", "metric_series", "regex_find", "regex_find_all", "regex_replace", "redis_do", "redis_pipeline", "redis_eval", "redis_subscribe", "http_request", "subrequest_start", "timer_start", "upstream_add", "upstream_remove", "tls_set_certificate"}

func TestAllocations(t *testing.T) {
	g := newGuest(t)
	for _, f := range host.Functions() {
		if slices.Contains(allocating, f.Name) {
			continue
		}
		for _, phase := range phasesOf(&f) {
			g.begin(phase)
			args := g.goodArguments(&f)
			function := g.module.ExportedFunction(f.Name)
			stack := make([]uint64, max(1, len(args)))
			if n := testing.AllocsPerRun(100, func() {
				copy(stack, args)
				if err := function.CallWithStack(g.call, stack); err != nil {
					t.Error(err)
				}
				if strings.HasSuffix(f.Name, "_header_add") { // else they would pile up
					g.call.Exchange.Request.Header.Del("X-A")
					g.call.Exchange.Response.Header.Del("X-A")
					g.call.Exchange.Reset()
				}
			}); n != 0 {
				t.Errorf("%s in %s allocates %v times", f.Name, phase, n)
			}
		}
	}
}

package server

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// The example counts what 64 connections ask for, to the last request, and
// prints it so that Prometheus' own tool has no complaint.
func TestMetricsCollector(t *testing.T) {
	s := start(t, `
[zones.metrics]
size = "1MiB"
[plugins.collector]
source = "../../wasm-examples/metrics-collector"
grants = { zones = ["metrics"] }
[server.phases]
log = ["collector"]
[routes.home]
match = "/{$}"
respond = { body = "home\n" }
[routes.metrics]
match = "GET /metrics"
content = "collector"
`)
	const each = 20
	s.hammer("/", each)
	s.hammer("/none", 1)
	page := ""
	for _, want := range []string{
		fmt.Sprintf(`http_requests_total{method="GET",status="200",route="home"} %d`, 64*each),
		`http_requests_total{method="GET",status="404",route=""} 64`,
		fmt.Sprintf(`http_request_duration_seconds_bucket{route="home",le="+Inf"} %d`, 64*each),
		fmt.Sprintf(`http_request_duration_seconds_count{route="home"} %d`, 64*each),
	} {
		if !eventually(func() bool { // the clients have their responses before the log phase
			page = s.get("/metrics")
			return strings.Contains(page, want+"\n")
		}) {
			t.Fatalf("the page has no %s:\n%s", want, page)
		}
	}
	requireCommand(t, "promtool")
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(page)
	if output, err := check.CombinedOutput(); err != nil || len(output) != 0 {
		t.Errorf("%v\n%s\nabout\n%s", err, output, page)
	}
}

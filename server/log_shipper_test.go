package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What thousands of requests have left in the zone is shipped, to the last
// line, in the one run that the timer has when the server ends.
func TestLogShipperShipsTheRest(t *testing.T) {
	var lines atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		lines.Add(int64(strings.Count(string(body), "\n")))
	}))
	defer collector.Close()
	s := start(t, strings.ReplaceAll(`
[zones.lines]
size = "8MiB"
[server.phases]
log = ["log-shipper"]
[plugins.log-shipper]
source = "../../wasm-examples/log-shipper"
config = { collector = "http://SERVICE/logs", interval = "1h" }
grants = { http = ["SERVICE"], zones = ["lines"] }
limits = { cpu = "10s" } # how long it takes is not what is tested
[routes.home]
match = "/{$}"
respond = { body = "home\n" }
`, "SERVICE", collector.Listener.Addr().String()))
	const each = 100
	s.hammer("/", each)
	if n := lines.Load(); n != 0 {
		t.Errorf("%d lines are shipped before their time", n)
	}
	s.stop()
	if n := lines.Load(); n != 64*each {
		t.Errorf("the collector has %d lines, want %d", n, 64*each)
	}
}

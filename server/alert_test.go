package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The example's alerts reach a webhook that fails at first, one of each kind,
// and one of the server's own memory as its metrics have it.
func TestAlertChecker(t *testing.T) {
	var asked atomic.Int32
	messages := make(chan string, 100)
	webhook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 2 {
			w.WriteHeader(503)
			return
		}
		body, _ := io.ReadAll(r.Body)
		messages <- string(body)
	}))
	defer webhook.Close()
	var s atomic.Pointer[testServer]
	// The admin listener's port is not known before the configuration is.
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s := s.Load(); s != nil {
			resp, err := http.Get("http://" + s.AdminAddress().String() + r.URL.Path)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			io.Copy(w, resp.Body)
		}
	}))
	defer closeIdleConnections()
	defer admin.Close()
	s.Store(start(t, strings.NewReplacer("WEBHOOK", webhook.Listener.Addr().String(), "ADMIN", admin.Listener.Addr().String()).Replace(`
[zones.alerts]
size = "1MiB"
[plugins.alerts]
source = "../../wasm-examples/alert-checker"
[plugins.alerts.config]
webhook = "http://WEBHOOK/hook"
metrics = "http://ADMIN/metrics"
interval = "50ms"
window = "5s"
cooldown = "1h"
mean = "1us"
memory = 1
[plugins.alerts.grants]
zones = ["alerts"]
env = ["HOSTNAME", "SLACK_WEBHOOK_URL"]
http = ["WEBHOOK", "ADMIN"]
[server.phases]
log = ["alerts"]
[routes.broken]
match = "/"
respond = { status = 500, body = "broken\n" }
`)))
	if r := s.Load().do("GET", "/"); r.StatusCode != 500 || r.body != "broken\n" {
		t.Errorf("it answers %d %q", r.StatusCode, r.body)
	}
	for _, want := range []string{"HIGH_ERROR_RATE", "SLOW_RESPONSE", "HIGH_MEMORY_USAGE"} {
		s.Load().await("System alert triggered", want)
	}
	got := map[string]int{}
	for len(got) < 3 {
		select {
		case message := <-messages:
			_, kind, _ := strings.Cut(message, " Alert: ")
			kind, _, _ = strings.Cut(kind, `"`)
			got[kind]++
		case <-time.After(10 * time.Second):
			t.Fatalf("the webhook has got %v", got)
		}
	}
	s.Load().await("cannot send alert", "status 503", "tried again in 50ms")
	s.Load().stop()
	close(messages)
	for message := range messages {
		t.Errorf("it is told again: %s", message)
	}
	for _, kind := range []string{"HIGH_ERROR_RATE", "SLOW_RESPONSE", "HIGH_MEMORY_USAGE"} {
		if got[kind] != 1 {
			t.Errorf("the webhook has got %v", got)
		}
	}
}

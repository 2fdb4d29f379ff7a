package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A thousand exchanges that wait in a stock Go plugin have an instance each.
// What these take must stay bounded.
func TestBlockedExchanges(t *testing.T) {
	const exchanges, most = 1000, 400 << 20
	probe, err := filepath.Abs(filepath.Join("server", "testdata", "probe"))
	if err != nil {
		t.Fatal(err)
	}
	server := startPhasm(t, fmt.Sprintf(`
[plugins.a]
source = %q
config = {name = "a"}
limits = {instances = %d, cpu = "10s"}
[routes.a]
match = "/"
content = "a"
`, probe, exchanges))
	before := server.resident(t)
	for range exchanges {
		c, err := net.Dial("tcp", server.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nDo: a.content:write:x a.content:sleep:20000\r\n\r\n")
	}
	waiting := fmt.Sprintf(`phasm_plugin_instances{plugin="a",state="in_use"} %d`, exchanges)
	for deadline := time.Now().Add(time.Minute); !strings.Contains(server.metrics(t), waiting); {
		if time.Now().After(deadline) {
			t.Fatalf("not all exchanges wait:\n%s", server.metrics(t))
		}
		time.Sleep(10 * time.Millisecond)
	}
	resident := server.resident(t)
	t.Logf("resident: %d MiB, before %d MiB: %d KiB an exchange", resident>>20, before>>20, (resident-before)/exchanges>>10)
	if resident > most {
		t.Errorf("%d MiB are resident, it may be %d", resident>>20, most>>20)
	}
}

// background is a phasm that runs for a test.
type background struct {
	address, admin string
	pid            int
}

// startPhasm starts phasm with listeners on free ports until the test ends.
func startPhasm(t testing.TB, text string) *background {
	t.Helper()
	server := &background{address: freeAddress(t), admin: freeAddress(t)}
	dir := t.TempDir()
	text += fmt.Sprintf("\n[server.log]\nfile = %q\n[listeners.main]\naddress = %q\n[admin]\naddress = %q\n",
		filepath.Join(dir, "log"), server.address, server.admin)
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := phasm(t, "-c", file)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	server.pid = c.Process.Pid
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if r, err := http.Get("http://" + server.admin + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return server
			}
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("phasm does not start:\n%s", log)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// metrics is the metrics page.
func (r *background) metrics(t testing.TB) string {
	t.Helper()
	answer, err := http.Get("http://" + r.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// resident is the process's physical memory, in bytes (Pss). What instances
// share counts once; VmRSS would count it for each that has it mapped.
func (r *background) resident(t testing.TB) (bytes int) {
	t.Helper()
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", r.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(rollup), "\nPss:")
	if _, err := fmt.Sscanf(rest, "%d kB", &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes << 10
}

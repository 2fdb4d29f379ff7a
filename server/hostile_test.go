package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// helloConfig is what others ask for meanwhile.
const helloConfig = `
[server.log]
level = "error"
file = "server.log"
[server.limits]
requests = 1000000000
[plugins.hello]
source = "TESTDATA/../../wasm-examples/hello"
[routes.hello]
match = "/hello"
content = "hello"
`

// hostileConfig has the plugin of testdata/hostile under a name, with more lines
// for its table, and a route of that name that it serves in all phases. Its
// limits are short, so that it is soon over.
func hostileConfig(name string, lines ...string) string {
	list := fmt.Sprintf("[%q]\n", name)
	return "[plugins." + name + "]\nsource = \"TESTDATA/hostile\"\n" + strings.Join(append(lines, shortLimits), "\n") +
		"[routes." + name + "]\nmatch = \"/" + name + "\"\nrewrite = " + list + "access = " + list +
		"header_filter = " + list + "body_filter = " + list + "log = " + list + "content = \"" + name + "\"\n"
}

const shortLimits = `limits.cpu = "30ms"
limits.wall = "300ms"
limits.memory = "32MiB"
`

// patient gives plugins all the time there is: where others use the machine as
// well, to compute for 30ms may take longer than a sleeper is given.
func patient(config string) string { return strings.ReplaceAll(config, `"300ms"`, `"20s"`) }

// startHostile serves these tables beside /hello.
func startHostile(t *testing.T, tables ...string) *testServer {
	t.Helper()
	return startFile(t, helloConfig+strings.Join(tables, ""))
}

// bystander asks for /hello again and again until its stop is called, which
// demands that every answer was right and tells how many there were since the
// first.
func (s *testServer) bystander() (stop func() int) {
	c := s.dial()
	c.SetDeadline(time.Time{})
	done, stopped, begun := make(chan struct{}), make(chan struct{}), make(chan struct{})
	answers := -1
	begin := sync.OnceFunc(func() { close(begun) })
	go func() {
		defer close(stopped)
		defer begin()
		for {
			select {
			case <-done:
				return
			default:
			}
			io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
			r, err := http.ReadResponse(c.r, nil)
			if err != nil {
				s.t.Error("meanwhile /hello got no answer:", err)
				return
			}
			if body, err := io.ReadAll(r.Body); r.StatusCode != 200 || string(body) != "Hello from phasm!\n" {
				s.t.Errorf("meanwhile /hello got %d %q %v", r.StatusCode, body, err)
				return
			}
			answers++
			begin()
		}
	}()
	<-begun
	return func() int {
		close(done)
		<-stopped
		c.Close()
		return answers
	}
}

// status is the status of the answer to a GET, of which the body may be cut
// short.
func (s *testServer) status(target string, headers ...string) int {
	s.t.Helper()
	c := s.dial()
	c.send("GET " + target + " HTTP/1.1\nHost: test\nConnection: close\n" + strings.Join(append(headers, "", ""), "\n"))
	r, err := http.ReadResponse(c.r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	io.Copy(io.Discard, r.Body)
	return r.StatusCode
}

// wantLogged runs f, which must put a line with these words into the log.
func (s *testServer) wantLogged(f func(), words ...string) {
	s.t.Helper()
	before := s.count(words...)
	f()
	if !eventually(func() bool { return s.count(words...) > before }) {
		s.t.Errorf("no line with %q in the log", words)
	}
}

// What a stock Go guest can do, and a part of what the log says of it.
var hostileVerbs = []struct{ verb, fault string }{
	{"loop", outOfTime}, {"count", outOfTime}, {"recurse", outOfTime}, {"jump", outOfTime}, {"yield", outOfTime},
	{"collect", outOfTime}, {"copy", outOfTime}, {"grow", outOfTime}, {"spawn", outOfTime}, {"host", outOfTime},
	{"flush", outOfTime}, {"print", outOfTime}, {"log", outOfTime},
	{"sleep", tookTooLong}, {"nap", tookTooLong},
	{"wait", "fatal error: all goroutines are asleep - deadlock!"},
	{"panic", "panic: told to panic"},
	{"nil", "panic: runtime error: invalid memory address or nil pointer dereference"},
	{"exit", "it exited with status 3"},
	{"smash", "wasm error: "},
}

const (
	outOfTime   = "it computed for more than 30ms, its limit (cpu in [plugins.h.limits])"
	tookTooLong = "it took more than 300ms, its limit (wall in [plugins.h.limits])"
)

func faultOf(plugin, phase, fault string) string {
	return `plugin \"` + plugin + `\" failed in ` + phase + ": " + fault
}

// Whatever a plugin does, its request fails, the next one is served, and so are
// all others meanwhile.
func TestHostilePlugin(t *testing.T) {
	s := startHostile(t, patient(hostileConfig("h")), hostileConfig("hasty"))
	s.get("/h")
	s.get("/hasty")
	idle := s.memory.Used()
	for _, test := range hostileVerbs {
		t.Run(test.verb, func(t *testing.T) {
			plugin := "h"
			if test.fault == tookTooLong {
				plugin = "hasty"
			}
			stop := s.bystander()
			s.wantLogged(func() {
				sent := test.verb == "flush" // before it failed
				if status := s.status("/"+plugin, "Do: content:"+test.verb); (status != 500) != sent {
					t.Errorf("it got %d", status)
				}
			}, faultOf(plugin, "content", strings.ReplaceAll(test.fault, "plugins.h.", "plugins."+plugin+".")), "level=ERROR")
			if got := s.get("/" + plugin); got != "served" {
				t.Errorf("afterwards it got %q", got)
			}
			if answers := stop(); answers == 0 {
				t.Error("meanwhile nobody was served")
			}
		})
	}
	if !eventually(func() bool { return s.memory.Used() <= idle+8<<20 }) {
		t.Errorf("plugins had %d MiB of memory before and have %d now", idle>>20, s.memory.Used()>>20)
	}
}

// What has time enough is stopped by what it takes of the machine's memory.
func TestHostilePluginThatTakesTooMuch(t *testing.T) {
	s := startHostile(t, patient(strings.Replace(hostileConfig("h"), `"30ms"`, `"20s"`, 1)))
	for _, verb := range []string{"allocate", "down"} { // Go has its stacks in the memory, too
		for range 3 {
			s.wantLogged(func() {
				if status := s.status("/h", "Do: content:"+verb); status != 500 {
					t.Errorf("%s got %d", verb, status)
				}
			}, faultOf("h", "content", "it asked for more than 32MiB of memory, its limit (memory in [plugins.h.limits]): fatal error: out of memory"))
			if got := s.get("/h"); got != "served" {
				t.Errorf("after %s it got %q", verb, got)
			}
		}
	}
}

// The limits hold in every phase, and where the configuration says so the
// request goes on without the plugin.
func TestHostilePluginInEachPhase(t *testing.T) {
	open := func(name string) string {
		return strings.Replace(hostileConfig(name, `on_error = "open"`), `content = "`+name+`"`, `content = "hello"`, 1)
	}
	s := startHostile(t, patient(hostileConfig("h")+open("open")), hostileConfig("hasty"), open("hasty-open"))
	for _, phase := range []string{"rewrite", "access", "content", "header_filter", "body_filter", "log"} {
		for _, verb := range []struct{ name, fault string }{
			{"loop", "it computed for more than 30ms, its limit (cpu in [plugins.%s.limits])"},
			{"sleep", "it took more than 300ms, its limit (wall in [plugins.%s.limits])"},
			{"panic", "panic: told to panic"},
			{"exit", "it exited with status 3"},
		} {
			if verb.name == "sleep" && (phase == "rewrite" || phase == "content" || phase == "header_filter") {
				continue // it takes its time
			}
			closed, open := "h", "open"
			if verb.name == "sleep" {
				closed, open = "hasty", "hasty-open"
			}
			do := "Do: " + phase + ":" + verb.name
			s.wantLogged(func() {
				want := 500
				if phase == "log" {
					want = 200
				}
				if got := s.status("/"+closed, do); got != want {
					t.Errorf("%s in %s got %d, want %d", verb.name, phase, got, want)
				}
			}, faultOf(closed, phase, strings.ReplaceAll(verb.fault, "%s", closed)))
			if phase != "content" { // which is another plugin's there
				s.wantLogged(func() {
					if got := s.get("/"+open, do); got != "Hello from phasm!\n" {
						t.Errorf("%s in %s of a plugin that is passed over got %q", verb.name, phase, got)
					}
				}, faultOf(open, phase, strings.ReplaceAll(verb.fault, "%s", open)))
				s.get("/" + open)
			}
			if got := s.get("/" + closed); got != "served" {
				t.Errorf("after %s in %s it got %q", verb.name, phase, got)
			}
		}
	}
}

// Many at once that compute without end: each is stopped, and others are
// served.
func TestManyHostileRequests(t *testing.T) {
	const clients, each = 6, 4 // together fewer faults than leave the plugin alone
	s := startHostile(t, hostileConfig("h"))
	stop := s.bystander()
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for n := range each {
				if n == each-1 { // not all of them, else it is left alone
					s.get("/h")
				} else if status := s.status("/h", "Do: content:count"); status != 500 {
					t.Errorf("it got %d", status)
				}
			}
		})
	}
	asking.Wait()
	if answers := stop(); answers < clients*each {
		t.Errorf("meanwhile %d others were served", answers)
	}
}

// With an instance for each request nothing of one is found by the next; where
// instances are shared nothing but what the plugin has kept itself.
func TestNothingIsLeftOfAnExchange(t *testing.T) {
	s := startFile(t, strings.Replace(helloConfig, `"error"`, `"info"`, 1)+
		hostileConfig("h", "limits.instances = 1")+hostileConfig("fresh", `isolation = "request"`))
	for _, test := range []struct{ target, memory string }{{"/fresh", ""}, {"/h", "s1"}} {
		s.get(test.target, "Do: content:remember content:close", "Secret: s1")
		c := s.dial()
		c.send("POST " + test.target + " HTTP/1.1\nHost: a\nContent-Length: 6\nSecret: mine\nDo: content:tell content:say:heard\nConnection: close\n\nbody-2")
		want := fmt.Sprintf(`served: memory %q, context "", header "mine", body "body-2"`, test.memory)
		if got := c.receive("POST").body; got != want {
			t.Errorf("%s got %s, want %s", test.target, got, want)
		}
		if got := s.get(test.target, "Do: content:tell"); got != fmt.Sprintf(`served: memory %q, context "", header "", body ""`, test.memory) {
			t.Errorf("%s got %s", test.target, got)
		}
	}
	s.await("heard", "plugin=fresh") // its standard output is open again
}

// A plugin that fails for every request is left alone soon, at little cost for
// the others, and serves once it is well again.
func TestTrapStorm(t *testing.T) {
	s := startHostile(t, hostileConfig("h"))
	stop := s.bystander()
	const requests = 3000
	var failed, refused int
	c := s.dial()
	for range requests {
		c.send("GET /h HTTP/1.1\nHost: a\nDo: rewrite:nil\n\n")
		switch r := c.receive("GET"); r.StatusCode {
		case 500:
			failed++
		case 503:
			refused++
		default:
			t.Fatalf("got %d %q", r.StatusCode, r.body)
		}
	}
	if failed < 20 || failed > 40 || refused != requests-failed {
		t.Errorf("%d failed, %d were refused", failed, refused)
	}
	if stop() == 0 {
		t.Error("meanwhile nobody was served")
	}
	s.await("the plugin keeps failing: it is left alone for a while", "plugin=h", "quarantine=100ms", "level=ERROR")
	if n := s.count("level=ERROR"); n > failed+10 {
		t.Errorf("%d lines for %d faults", n, failed)
	}
	waitFor(t, "the plugin to be trusted again", func() bool { // while one request tries it others are refused
		for range 5 {
			if s.status("/h") != 200 {
				return false
			}
		}
		return true
	})
}

// A plugin that fails for some requests is never left alone.
func TestFaultsOfSomeRequests(t *testing.T) {
	s := startHostile(t, hostileConfig("h"))
	for n := range 100 {
		if n%4 == 0 {
			s.get("/h")
		} else if status := s.status("/h", "Do: access:exit"); status != 500 {
			t.Fatalf("request %d got %d", n, status)
		}
	}
}

// One that fails between two others in a phase fails the request, or is passed
// over, and the others are none the worse for it.
func TestFaultInAChain(t *testing.T) {
	s := startHostile(t, hostileConfig("h"), hostileConfig("open", `on_error = "open"`), `
[plugins.a]
source = "TESTDATA/probe"
config = {name = "a"}
[plugins.b]
source = "TESTDATA/probe"
config = {name = "b"}
[routes.closed]
match = "/closed"
access = ["a", "h", "b"]
content = "b"
log = ["a", "h", "b"]
[routes.passed_over]
match = "/passed-over"
access = ["a", "open", "b"]
content = "b"
log = ["a", "open", "b"]
`)
	for _, verb := range []string{"nil", "exit", "count", "smash"} {
		if status := s.status("/closed", "Do: access:"+verb); status != 500 {
			t.Errorf("%s got %d", verb, status)
		}
		if got := s.get("/passed-over", "Do: b.content:trace access:"+verb); got != "a.access b.access b.content " {
			t.Errorf("%s that is passed over: it got %q", verb, got)
		}
		if got := s.get("/closed", "Do: b.content:trace"); got != "a.access b.access b.content " {
			t.Errorf("after %s it got %q", verb, got)
		}
	}
}

// A configuration whose plugin never gets ready is refused in time, and the one
// before goes on as if nothing had been.
func TestReloadOfAHostilePlugin(t *testing.T) {
	t.Parallel()
	s := startHostile(t)
	stop := s.bystander()
	for _, test := range []struct{ do, want string }{
		{"_initialize:loop", ": cannot call _initialize: it computed for more than 5s, the limit for its initialisation"},
		{"init:exit", ": on_init failed: it exited with status 3"},
		{"init:allocate", ": on_init failed: it asked for more than 32MiB of memory, its limit (memory in [plugins.x.limits]): fatal error: out of memory"},
		{"init_worker:loop", `: plugin "x" failed in init_worker: it computed for more than 30ms, its limit (cpu in [plugins.x.limits])`},
		{"init_worker:exit", `: plugin "x" failed in init_worker: it exited with status 3`},
	} {
		s.write(helloConfig + hostileConfig("x", `config = {do = "`+test.do+`"}`))
		begin := time.Now()
		err := s.Reload(t.Context())
		if err == nil || !strings.Contains(err.Error(), "plugins.x.source"+test.want) {
			t.Errorf("%s: the error is %v, want %s", test.do, err, test.want)
		}
		if took := time.Since(begin); took > 60*time.Second {
			t.Errorf("%s: it took %v", test.do, took)
		}
	}
	if stop() == 0 {
		t.Error("meanwhile nobody was served")
	}
}

// What a plugin does when the server ends keeps the server from ending for no
// longer than a call may take.
func TestHostileExitWorker(t *testing.T) {
	for _, test := range []struct{ do, fault string }{
		{"exit_worker:count", "it computed for more than 30ms"},
		{"exit_worker:sleep", "it took more than 300ms"},
		{"exit_worker:exit", "it exited with status 3"},
	} {
		s := startHostile(t, hostileConfig("h", `config = {do = "`+test.do+`"}`))
		s.get("/hello")
		s.stop()
		s.await(faultOf("h", "exit_worker", test.fault))
	}
}

// Once the server has ended nothing is left of what plugins have tried.
func TestNothingIsLeftOfHostilePlugins(t *testing.T) {
	closeIdleConnections()
	goroutines, size := runtime.NumGoroutine(), residentSize(t)
	s := startHostile(t, hostileConfig("h"))
	var asking sync.WaitGroup
	for _, verb := range []string{"count", "allocate", "down", "sleep", "panic", "spawn", "exit", "smash"} {
		asking.Go(func() {
			s.status("/h", "Do: content:"+verb)
			s.get("/hello")
		})
	}
	asking.Wait()
	s.stop()
	if used := s.memory.Used(); used != 0 {
		t.Errorf("the plugins' memory counts %d bytes", used)
	}
	if !eventually(func() bool { return runtime.NumGoroutine() <= goroutines }) {
		stacks := make([]byte, 64<<10)
		t.Errorf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	}
	const margin = 64 << 20 // of what the allocator keeps
	if !eventually(func() bool { return residentSize(t) < size+margin }) {
		t.Errorf("%d MiB in use before, %d after", size>>20, residentSize(t)>>20)
	}
}

// residentSize is how much memory the process has in use, in bytes, after all
// has been given back that can be. It is 0 where the system does not tell.
func residentSize(t *testing.T) (bytes int64) {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(text), "VmRSS:")
	if _, err := fmt.Sscanf(line, "%d kB", &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes << 10
}

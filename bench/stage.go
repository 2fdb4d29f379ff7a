package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// stage is both servers of a workload with what they need.
type stage struct {
	workload *workload
	all      bool  // on all cores, not on one each
	server   cores // where the servers run
	client   cores // where the load and what is behind the servers runs
	script   string
	began    []*process

	phasm, openresty *process

	// For the templates.
	Phasm     string // addresses
	OpenResty string
	Redis     string
	RedisHost string
	RedisPort string
	Backend   string
	Dir       string // for the suite's files
	Files     string // the folder of the files to serve
	Folder    string // the workload's own
	Plugin    string // the folder of the plugin's source
	Code      string // the line that says where the plugin's code is
	Listen    string // OpenResty's address, and how it listens there
	Admin     string // phasm's admin listener
}

// binaries are what a stage is made of.
type binaries struct {
	dir       string // where what is built is
	phasm     string
	openresty *openresty
	plugin    string // in C, empty where it could not be built
}

// newStage starts what a workload needs and both servers.
func newStage(w *workload, b binaries, all bool) (s *stage, err error) {
	s = &stage{workload: w, all: all}
	if !all && runtime.NumCPU() > 1 {
		s.server, s.client = cores{0}, cores{1}
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.Dir, err = os.MkdirTemp("", "phasm-bench-"); err != nil {
		return s, err
	}
	if s.Plugin, err = filepath.Abs("bench/plugin"); err != nil {
		return s, err
	}
	if s.Code = fmt.Sprintf("source = %q", s.Plugin); w.InC {
		s.Code = fmt.Sprintf("path = %q", b.plugin)
	}
	if s.Folder, err = filepath.Abs(w.dir); err != nil {
		return s, err
	}
	for _, address := range []*string{&s.Phasm, &s.OpenResty, &s.Redis, &s.Backend, &s.Admin} {
		if *address, err = freeAddress(); err != nil {
			return s, err
		}
	}
	if s.RedisHost, s.RedisPort, err = net.SplitHostPort(s.Redis); err != nil {
		return s, err
	}
	if s.Listen = s.OpenResty; all {
		s.Listen += " reuseport" // a queue for each worker
	}
	if err := s.makeFiles(); err != nil {
		return s, err
	}
	if w.TLS {
		if err := makeCertificate(s.Dir); err != nil {
			return s, err
		}
	}
	if w.Method != "GET" || w.Body != "" || w.Keys > 0 {
		s.script = s.write("request.lua", requestScript(w))
	}
	if err := s.startBehind(); err != nil {
		return s, err
	}
	if s.openresty, err = s.startOpenresty(b.openresty); err != nil {
		return s, err
	}
	s.phasm, err = s.startPhasm(b.phasm)
	return s, err
}

// makeFiles makes the files that the workload serves.
func (s *stage) makeFiles() error {
	s.Files = filepath.Join(s.Dir, "files")
	if err := os.Mkdir(s.Files, 0o755); err != nil {
		return err
	}
	const line = "The quick brown fox jumps over the lazy dog, and nobody is hurt.\n"
	for name, size := range s.workload.Files {
		text := strings.Repeat(line, size/len(line)+1)[:size]
		if err := os.WriteFile(filepath.Join(s.Files, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// requestScript has wrk send a method and a body, or ask for one of many keys
// with requests that are made beforehand.
func requestScript(w *workload) string {
	if w.Keys == 0 {
		return fmt.Sprintf("wrk.method = %q\nwrk.body = [==[\n%s]==]\n", w.Method, w.Body)
	}
	return fmt.Sprintf(`local requests = {}
function init()
	for n = 1, %d do
		requests[n] = wrk.format(nil, (string.gsub(%q, "{n}", n - 1)))
	end
end
function request() return requests[math.random(%[1]d)] end
`, w.Keys, w.Path)
}

// startBehind starts what is behind the servers.
func (s *stage) startBehind() error {
	if s.workload.Redis {
		err := s.begin(s.client, s.Redis, exec.Command("redis-server", "--bind", s.RedisHost, "--port", s.RedisPort, "--save", "", "--appendonly", "no", "--dir", s.Dir))
		if err != nil {
			return err
		}
		if out, err := exec.Command("redis-cli", "-h", s.RedisHost, "-p", s.RedisPort, "set", "bench", "a value that has some 32 bytes .").CombinedOutput(); err != nil {
			return fmt.Errorf("cannot set a key: %w\n%s", err, out)
		}
	}
	if s.workload.Backend {
		text, err := s.workload.fill("backend.conf", s)
		if err != nil {
			return err
		}
		o, err := findOpenresty()
		if err != nil {
			return err
		}
		behind := *s
		behind.all, behind.Dir = false, filepath.Join(s.Dir, "backend")
		if err := os.Mkdir(behind.Dir, 0o755); err != nil {
			return err
		}
		return s.begin(s.client, s.Backend, exec.Command(o.path, "-p", behind.Dir, "-c", behind.write("nginx.conf", o.config(&behind, text))))
	}
	return nil
}

func (s *stage) startOpenresty(o *openresty) (*process, error) {
	text, err := s.workload.fill("nginx.conf", s)
	if err != nil {
		return nil, err
	}
	file := s.write("nginx.conf", o.config(s, text))
	if err := s.begin(s.server, s.OpenResty, exec.Command(o.path, "-p", s.Dir, "-c", file)); err != nil {
		return nil, err
	}
	return s.began[len(s.began)-1], nil
}

func (s *stage) startPhasm(binary string) (*process, error) {
	text, err := s.workload.fill("phasm.toml", s)
	if err != nil {
		return nil, err
	}
	c := exec.Command(binary, "-c", s.write("phasm.toml", phasmConfig(s, text)))
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache())
	if err := s.begin(s.server, s.Phasm, c); err != nil {
		return nil, err
	}
	return s.began[len(s.began)-1], nil
}

// begin starts a process and waits until it listens.
func (s *stage) begin(on cores, address string, c *exec.Cmd) error {
	p, err := start(on, c)
	if err != nil {
		return err
	}
	s.began = append(s.began, p)
	return p.await(address)
}

// write writes a file of the stage and answers its path.
func (s *stage) write(name, text string) string {
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err) // a folder that has just been made
	}
	return path
}

// url is where a server is asked.
func (s *stage) url(address string) string {
	scheme := "http://"
	if s.workload.TLS {
		scheme = "https://"
	}
	return scheme + address + s.workload.path(0)
}

// close stops all that was started and removes its files.
func (s *stage) close() {
	for _, p := range s.began {
		p.stop()
	}
	if s.Dir != "" {
		os.RemoveAll(s.Dir)
	}
}

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// howToInstall is what the suite needs, on Debian.
const howToInstall = "apt-get install nginx libnginx-mod-http-lua lua-resty-core lua-cjson lua-nginx-redis redis-server wrk"

// openresty is the server to compare with.
type openresty struct {
	path    string
	modules []string // to load; OpenResty has them built in
	version string
}

// findOpenresty finds openresty on the PATH, else nginx with the Lua module of
// Debian.
func findOpenresty() (*openresty, error) {
	if path, err := exec.LookPath("openresty"); err == nil {
		return (&openresty{path: path}).asked()
	}
	path, err := exec.LookPath("nginx")
	if err != nil {
		if path = "/usr/sbin/nginx"; !exists(path) {
			return nil, errors.New("there is no openresty and no nginx; on Debian: " + howToInstall)
		}
	}
	o := &openresty{path: path}
	const dir = "/usr/lib/nginx/modules"
	for _, name := range []string{"ndk_http_module.so", "ngx_http_lua_module.so"} {
		module := filepath.Join(dir, name)
		if !exists(module) {
			return nil, errors.New("nginx is here without its Lua module, which would be no OpenResty; on Debian: " + howToInstall)
		}
		o.modules = append(o.modules, module)
	}
	return o.asked()
}

var versionLine = regexp.MustCompile(`version: (\S+)`)

// asked asks the server for its version.
func (o *openresty) asked() (*openresty, error) {
	out, err := exec.Command(o.path, "-v").CombinedOutput()
	if err != nil {
		return nil, err
	}
	if m := versionLine.FindSubmatch(out); m != nil {
		o.version = string(m[1])
	}
	return o, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// config is a whole nginx.conf around what a workload has in http.
func (o *openresty) config(s *stage, http string) string {
	var b strings.Builder
	for _, m := range o.modules {
		b.WriteString("load_module " + m + ";\n")
	}
	workers := "1"
	if s.all {
		workers = "auto"
	}
	b.WriteString("daemon off;\nuser root;\nworker_processes " + workers + ";\nworker_rlimit_nofile 65536;\npid " + s.Dir + "/nginx.pid;\n" +
		"error_log stderr error;\nevents { worker_connections 16384; }\nhttp {\n" +
		"access_log off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 1h;\nsendfile on;\ntcp_nopush on;\ntcp_nodelay on;\n" +
		"client_body_temp_path " + s.Dir + "/body;\nproxy_temp_path " + s.Dir + "/proxy;\nfastcgi_temp_path " + s.Dir +
		"/fastcgi;\nuwsgi_temp_path " + s.Dir + "/uwsgi;\nscgi_temp_path " + s.Dir + "/scgi;\n")
	b.WriteString(http + "}\n")
	return b.String()
}

package server

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phasm/plugins/zone"
	"phasm/server/config"
)

const zoneFileConfig = `
[zones.servers]
size = "64KiB"
file = "servers.json"
[routes.all]
match = "/"
respond.body = "x"
`

// keptZone is a zone of a running server and the file that it is kept in.
type keptZone struct {
	*testServer
	store *zone.Memory
	file  string
}

// startKept serves a zone with a file, which has a text to begin with unless
// that is empty.
func startKept(t *testing.T, text string) keptZone {
	t.Helper()
	dir := t.TempDir()
	writeConfig(t, dir, zoneFileConfig)
	if text != "" {
		writeFile(t, dir, "servers.json", text)
	}
	return keptOf(startFileIn(t, dir))
}

func keptOf(s *testServer) keptZone {
	return keptZone{s, s.generation.Load().zones["servers"], filepath.Join(s.dir, "servers.json")}
}

func (k keptZone) set(key, text string) {
	k.t.Helper()
	if _, err := k.store.Set(k.t.Context(), zone.Set, []byte(key), zone.TextOf([]byte(text)), 0); err != nil {
		k.t.Fatal(err)
	}
}

// has is the zone's content in one line.
func (k keptZone) has() string {
	c, _ := k.store.Content()
	return strings.Join(strings.Fields(string(c.JSON())), "")
}

// want waits until the zone has this.
func (k keptZone) want(content string) {
	k.t.Helper()
	if !eventually(func() bool { return k.has() == content }) {
		k.t.Fatalf("the zone has %s, want %s", k.has(), content)
	}
}

// wantFile waits until the file has this.
func (k keptZone) wantFile(content string) {
	k.t.Helper()
	text := ""
	if !eventually(func() bool {
		b, err := os.ReadFile(k.file)
		if text = string(b); err != nil {
			text = err.Error()
		}
		return text == content
	}) {
		k.t.Fatalf("the file has %q, want %q", text, content)
	}
}

// logged counts the lines of the server's log that have a text.
func (k keptZone) logged(text string) int {
	k.t.Helper()
	b, err := os.ReadFile(filepath.Join(k.dir, "server.log"))
	if err != nil {
		k.t.Fatal(err)
	}
	return strings.Count(string(b), text)
}

// A zone and its file follow each other, and nobody takes what he has written
// himself for a change of the other's.
func TestZoneFile(t *testing.T) {
	k := startKept(t, `{"a": "1", "n": 2}`)
	if got := k.has(); got != `{"a":"1","n":2}` {
		t.Fatalf("the zone begins with %s", got)
	}
	k.set("b", "2")
	k.wantFile("{\n  \"a\": \"1\",\n  \"b\": \"2\",\n  \"n\": 2\n}\n")
	if info, err := os.Stat(k.file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file has other permissions than before: %v %v", info.Mode(), err)
	}
	if entries, _ := filepath.Glob(filepath.Join(k.dir, ".servers*")); len(entries) > 0 {
		t.Errorf("left over: %v", entries)
	}
	k.set("list", "") // it is none yet
	k.store.Delete(t.Context(), []byte("list"))
	k.store.Push(t.Context(), []byte("list"), zone.Left, zone.IntOf(1))
	k.store.Set(t.Context(), zone.Set, []byte("soon gone"), zone.IntOf(1), time.Hour)
	k.await("stay out of the zone's file", "keys=1")

	writeFile(t, k.dir, "servers.json.new", `{"a": "one"}`) // as editors do
	if err := os.Rename(k.file+".new", k.file); err != nil {
		t.Fatal(err)
	}
	k.want(`{"a":"one"}`)
	writeFile(t, k.dir, "servers.json", `{"a": "one", "c": true}`) // in place
	k.want(`{"a":"one","c":true}`)
	k.wantFile(`{"a": "one", "c": true}`) // as it was written
	if n, _ := k.store.Len(t.Context(), []byte("list")); n != 1 {
		t.Error("a list is gone that no file can have")
	}
	if err := os.Remove(k.file); err != nil {
		t.Fatal(err)
	}
	k.want(`{}`)
	k.await("counts as empty", "zone=servers", "servers.json", "no such file or directory")
	k.set("d", "4")
	k.wantFile("{\n  \"d\": \"4\"\n}\n")
	k.set("d", "5")
	k.stop() // and what is not written yet is
	k.wantFile("{\n  \"d\": \"5\"\n}\n")
	if n := k.logged("read the zone's file"); n != 3+1 { // "cannot read" too
		t.Errorf("the file was read %d times, want 4", n)
	}
}

// A file that is not there, empty, or no JSON counts as empty, and what
// somebody has written is not lost when the zone's takes its place.
func TestZoneFileUnreadable(t *testing.T) {
	for name, test := range map[string]struct{ text, zone, log, kept string }{
		"missing":   {"", "{}", "level=INFO msg=\"the zone's file is not there yet", ""},
		"empty":     {"\n", "{}", "it is empty", "\n"},
		"malformed": {"{\n\"a\": 1,\n}", "{}", "line 3: invalid character", "{\n\"a\": 1,\n}"},
		"no object": {"[1]", "{}", "it is no JSON object", "[1]"},
		"in part":   {`{"a": 1, "b": [2], "c": null}`, `{"a":1}`, "keys=2 first=b", `{"a": 1, "b": [2], "c": null}`},
		"too large": {`{"a": "` + strings.Repeat("x", 6<<16) + `"}`, "{}", "it has more than 393216 bytes", `{"a": "` + strings.Repeat("x", 6<<16) + `"}`},
		"too much":  {`{"a": "` + strings.Repeat("x", 1<<16) + `", "b": "1"}`, `{"b":"1"}`, "too small for its file", `{"a": "` + strings.Repeat("x", 1<<16) + `", "b": "1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			k := startKept(t, test.text)
			if got := k.has(); got != test.zone {
				t.Errorf("the zone begins with %s, want %s", got, test.zone)
			}
			k.await("zone=servers", "servers.json", test.log)
			k.store.Flush(t.Context())
			k.set("new", "x")
			k.wantFile("{\n  \"new\": \"x\"\n}\n")
			k.stop()
			if b, err := os.ReadFile(k.file + ".bak"); string(b) != test.kept || (err == nil) != (test.kept != "") {
				t.Errorf("beside it: %v %q", err, b)
			}
		})
	}
}

// What cannot be written is logged once, and written as soon as it can.
func TestZoneFileNotWritable(t *testing.T) {
	k := startKept(t, "no JSON")
	writeFile(t, k.dir, "servers.json.bak/in", "the way")
	k.set("a", "1")
	k.await("cannot write the zone's file", "zone=servers", "not empty")
	const metric = "\nphasm_zone_file_errors_total{zone=\"servers\"} "
	if all := k.adminGet("/metrics"); !strings.Contains(all, metric) || strings.Contains(all, metric+"0\n") {
		t.Error("the metrics do not say so")
	}
	if err := os.RemoveAll(k.file + ".bak"); err != nil {
		t.Fatal(err)
	}
	k.wantFile("{\n  \"a\": \"1\"\n}\n")

	// The same again, by other names.
	var log strings.Builder
	f := zoneFile{log: slog.New(slog.NewTextHandler(&log, nil)), failures: new(atomic.Uint64)}
	for n := range 3 {
		f.failed(&fs.PathError{Op: "open", Path: fmt.Sprint("folder/.servers.json.", n), Err: fs.ErrPermission})
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

// A file behind a symbolic link is written where the link leads.
func TestZoneFileBehindLink(t *testing.T) {
	dir, real := t.TempDir(), t.TempDir()
	writeConfig(t, dir, zoneFileConfig)
	writeFile(t, real, "one.json", `{"a": 1}`)
	writeFile(t, real, "two.json", `{"a": 2}`)
	link := func(to string) {
		if err := os.Symlink(filepath.Join(real, to), filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "link"), filepath.Join(dir, "servers.json")); err != nil {
			t.Fatal(err)
		}
	}
	link("one.json")
	k := keptOf(startFileIn(t, dir))
	k.set("b", "2")
	k.wantFile("{\n  \"a\": 1,\n  \"b\": \"2\"\n}\n")
	link("two.json")
	k.want(`{"a":2}`)
	k.stop()
	if info, err := os.Lstat(k.file); err != nil || info.Mode().IsRegular() {
		t.Errorf("the link is gone: %v", err)
	}
}

// A reload keeps what a zone has, brings it into another file, and writes
// nothing where it fails.
func TestZoneFileReload(t *testing.T) {
	in := func(file string) string { return strings.ReplaceAll(zoneFileConfig, `file = "servers.json"`, file) }
	s := startFile(t, in(""))
	k := keptOf(s)
	k.set("a", "1")
	s.write(in(`file = "servers.json"`) + "[upstreams.bad]\npeers = []\n")
	if err := s.Reload(t.Context()); err == nil {
		t.Fatal("a bad configuration was loaded")
	}
	s.write(in(`file = "servers.json"`))
	s.reload()
	k.wantFile("{\n  \"a\": \"1\"\n}\n")
	k.set("b", "2")
	writeFile(t, s.dir, "other.json", `{"c": "3"}`)
	s.write(in(`file = "other.json"`))
	s.reload()
	k.want(`{"c":"3"}`)
	k.wantFile("{\n  \"a\": \"1\",\n  \"b\": \"2\"\n}\n") // written when it was left
	k.file = filepath.Join(s.dir, "other.json")
	k.set("d", "4")
	k.wantFile("{\n  \"c\": \"3\",\n  \"d\": \"4\"\n}\n")
	s.write(in(""))
	s.reload()
	k.set("e", "5")
	s.stop()
	k.wantFile("{\n  \"c\": \"3\",\n  \"d\": \"4\"\n}\n")
}

// What was being written in a crash does not stay behind; what others have put
// beside it does.
func TestZoneFileAfterCrash(t *testing.T) {
	dir, real := t.TempDir(), t.TempDir()
	writeConfig(t, dir, zoneFileConfig)
	writeFile(t, real, "one.json", `{"a": 1}`)
	if err := os.Symlink(filepath.Join(real, "one.json"), filepath.Join(dir, "servers.json")); err != nil {
		t.Fatal(err)
	}
	f := zoneFile{path: filepath.Join(dir, "servers.json")}
	left, err := f.beside()
	if err != nil {
		t.Fatal(err)
	}
	left.Close()
	others := []string{".one.json.1.tmp.bak", ".one.json..tmp", ".one.json.1", ".one.json.new.tmp", ".one.json.1.2.tmp", "one.json.1.tmp", ".two.json.1.tmp"}
	for _, name := range others {
		writeFile(t, real, name, "mine")
	}
	writeFile(t, real, ".one.json.7.tmp/in", "mine")
	s := startFileIn(t, dir)
	if !eventually(func() bool { return glance(left.Name()) == nil }) {
		t.Errorf("%s is left over", left.Name())
	}
	s.stop()
	for _, name := range append(others, ".one.json.7.tmp/in") {
		if glance(filepath.Join(real, name)) == nil {
			t.Errorf("%s is gone", name)
		}
	}
}

// A server that never serves, as that of phasm -t, writes no file.
func TestZoneFileCheck(t *testing.T) {
	dir := t.TempDir()
	writeConfig(t, dir, zoneFileConfig)
	c, err := config.Load(filepath.Join(dir, "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.generation.Load().zones["servers"].Set(t.Context(), zone.Set, []byte("a"), zone.IntOf(1), 0)
	s.Close()
	if entries, err := filepath.Glob(filepath.Join(dir, "*.json")); err != nil || len(entries) > 0 {
		t.Errorf("%v %v", entries, err)
	}
}

// Whoever reads the file while it is written finds the whole of one content.
func TestZoneFileAtomic(t *testing.T) {
	k := startKept(t, `{}`)
	end := time.Now().Add(time.Second)
	for n := 0; time.Now().Before(end); n++ {
		k.set("a", strings.Repeat(fmt.Sprint(n%10), 20_000))
		b, err := os.ReadFile(k.file)
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := zone.ParseContent(b)
		if err != nil {
			t.Fatalf("%v: %.50q", err, b)
		}
		if text := string(c["a"].Text()); text != "" && text != strings.Repeat(text[:1], 20_000) {
			t.Fatalf("half of one and half of another: %.50q", text)
		}
	}
}

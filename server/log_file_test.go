package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// newLogFile is a log over any output.
func newLogFile(out io.WriteCloser, limit int) *logFile {
	f := &logFile{limit: limit, counts: newLogCounts(), done: make(chan struct{}), out: out}
	f.wake = sync.NewCond(&f.mu)
	go f.write()
	return f
}

func newLogCounts() *logCounts { return &logCounts{new(metrics.Counter), new(metrics.Counter)} }

// slowDisk is an output whose writes wait until it is let go.
type slowDisk struct {
	bytes.Buffer
	entered chan struct{} // receives when a write has begun
	release chan struct{} // closed to let all writes go
	closed  bool
}

func newSlowDisk() *slowDisk {
	return &slowDisk{entered: make(chan struct{}, 1000), release: make(chan struct{})}
}

func (d *slowDisk) Write(p []byte) (int, error) {
	d.entered <- struct{}{}
	<-d.release
	return d.Buffer.Write(p)
}

func (d *slowDisk) Close() error { d.closed = true; return nil }

func appendText(f *logFile, line string) {
	f.append(func(dst []byte) []byte { return append(dst, line...) })
}

func TestLogFileKeepsOrder(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.log")
	f, err := openLog(name, 1<<20, newLogCounts())
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 5000 {
		line := "line " + strconv.Itoa(i) + "\n"
		want.WriteString(line)
		if i%2 == 0 {
			appendText(f, line)
		} else if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("Write answers %d, %v", n, err)
		}
	}
	f.close(lastLines)
	if got, err := os.ReadFile(name); err != nil || string(got) != want.String() || f.counts.dropped.Get() != 0 {
		t.Errorf("%v, %d dropped, or the lines differ: %.100q …", err, f.counts.dropped.Get(), got)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v: others may read the log", info.Mode(), err)
	}
}

func TestLogFileAppends(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.log")
	for _, line := range []string{"first\n", "second\n"} {
		f, err := openLog(name, 100, newLogCounts())
		if err != nil {
			t.Fatal(err)
		}
		appendText(f, line)
		f.close(lastLines)
	}
	if got, _ := os.ReadFile(name); string(got) != "first\nsecond\n" {
		t.Errorf("got %q", got)
	}
}

// While the disk takes no more, lines wait up to the limit, to the byte, then
// they are dropped and counted; nobody waits for the disk.
func TestLogFileLimit(t *testing.T) {
	const line, limit = "0123456789\n", 111 // ten lines, and a byte
	disk := newSlowDisk()
	f := newLogFile(disk, limit)
	appendText(f, "in the disk's hands\n")
	<-disk.entered
	for range 25 {
		appendText(f, line)
	}
	appendText(f, "x") // what still fits is taken
	appendText(f, "y")
	if got := f.counts.dropped.Get(); got != 16 {
		t.Errorf("%d dropped, want 16", got)
	}
	close(disk.release)
	<-disk.entered // there is room again
	appendText(f, strings.Repeat("z", limit))
	appendText(f, "")
	appendText(f, strings.Repeat("too long", limit))
	f.close(lastLines)
	want := "in the disk's hands\n" + strings.Repeat(line, 10) + "x" + strings.Repeat("z", limit)
	if got := disk.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := f.counts.dropped.Get(); got != 17 {
		t.Errorf("%d dropped, want 17", got)
	}
}

func TestLogFileClose(t *testing.T) {
	disk := newSlowDisk()
	f := newLogFile(disk, 100)
	appendText(f, "one\n")
	<-disk.entered
	appendText(f, "two\n")
	closed := make(chan struct{})
	go func() { f.close(lastLines); close(closed) }()
	waitFor(t, "the end to begin", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return f.closed })
	appendText(f, "after the end\n")
	select {
	case <-closed:
		t.Error("closed while lines wait")
	default:
	}
	close(disk.release)
	<-closed
	if got := disk.String(); got != "one\ntwo\n" || !disk.closed || f.counts.dropped.Get() != 1 {
		t.Errorf("got %q, closed %v, %d dropped", got, disk.closed, f.counts.dropped.Get())
	}
}

// An output that takes nothing any more, such as a pipe that nobody reads, holds
// up neither the end of the server nor, when logs are reopened, a reload.
func TestLogFileStalls(t *testing.T) {
	disk := newSlowDisk()
	defer close(disk.release)
	f := newLogFile(disk, 100)
	f.name = filepath.Join(t.TempDir(), "a.log")
	appendText(f, "one\n")
	<-disk.entered
	logs := logFiles{used: map[logUse]*usedLog{{name: f.name}: {f, 1}}}
	go logs.reopen()
	waitFor(t, "the reopening to begin", func() bool { _, err := os.Stat(f.name); return err == nil })
	other, err := logs.open(logUse{newLogCounts(), filepath.Join(t.TempDir(), "b.log"), 100})
	if err != nil {
		t.Fatal(err)
	}
	logs.release(other)
	f.close(time.Millisecond)
	if disk.closed {
		t.Error("the output is closed under the write")
	}
}

// tornDisk takes a few bytes and is full then, until it is given room again.
type tornDisk struct {
	bytes.Buffer
	room int
}

func (d *tornDisk) Write(p []byte) (int, error) {
	n, err := d.Buffer.Write(p[:min(len(p), d.room)])
	d.room -= n
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, err
}

func (d *tornDisk) Close() error { return nil }

// What a full disk has cut off does not take the next line with it.
func TestLogFileAfterAFullDisk(t *testing.T) {
	disk := &tornDisk{room: 7}
	f := newLogFile(disk, 100)
	failed := func(n uint64) {
		t.Helper()
		waitFor(t, "a write to fail", func() bool { return f.counts.failed.Get() == n })
	}
	appendText(f, "one\ntwo\n")
	failed(1)
	appendText(f, "three\n")
	failed(2)
	f.writing.Lock()
	disk.room = 100
	f.writing.Unlock()
	appendText(f, "four\n")
	appendText(f, "five\n")
	f.close(lastLines)
	if got := disk.String(); got != "one\ntwo\nfour\nfive\n" {
		t.Errorf("got %q", got)
	}
}

// A named pipe that nobody reads is an error, where opening it would wait for a
// reader.
func TestLogFileWithoutAReader(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openLog(name, 100, newLogCounts()); !errors.Is(err, syscall.ENXIO) || !strings.Contains(err.Error(), "reads") {
		t.Errorf("got %v", err)
	}
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	f, err := openLog(name, 100, newLogCounts())
	if err != nil {
		t.Fatal(err)
	}
	appendText(f, "one\n")
	f.close(lastLines)
	if got, err := io.ReadAll(reader); string(got) != "one\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A log is rotated under the hands of its writers: no line is lost, torn or
// written twice, and each writer's lines stay in order.
func TestLogFileReopenUnderLoad(t *testing.T) {
	const writers, rotations = 4, 20
	name := filepath.Join(t.TempDir(), "a.log")
	f, err := openLog(name, 1<<30, newLogCounts())
	if err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	var enough atomic.Bool
	var written [writers]int
	for w := range writers {
		writing.Go(func() {
			for ; !enough.Load(); written[w]++ {
				f.append(func(dst []byte) []byte { return fmt.Appendf(dst, "writer %d line %d\n", w, written[w]) })
				runtime.Gosched()
			}
		})
	}
	files := make([]string, 0, rotations+1)
	for i := range rotations {
		waitFor(t, "lines in the new file", func() bool { info, err := os.Stat(name); return err == nil && info.Size() > 0 })
		files = append(files, name+"."+strconv.Itoa(i))
		if err := os.Rename(name, files[i]); err != nil {
			t.Fatal(err)
		}
		if err := f.reopen(); err != nil {
			t.Fatal(err)
		}
	}
	enough.Store(true)
	writing.Wait()
	f.close(lastLines)
	if dropped, failed := f.counts.dropped.Get(), f.counts.failed.Get(); dropped != 0 || failed != 0 {
		t.Fatalf("%d dropped, %d writes failed", dropped, failed)
	}

	var next [writers]int
	for _, file := range append(files, name) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var w int
			if len(line) > 7 {
				w = int(line[7]-'0') & (writers - 1)
			}
			if line != "writer "+strconv.Itoa(w)+" line "+strconv.Itoa(next[w])+"\n" {
				t.Fatalf("%s has %q, want line %d of writer %d", filepath.Base(file), line, next[w], w)
			}
			next[w]++
		}
	}
	if next != written {
		t.Errorf("the files have %v lines of %v", next, written)
	}
}

// Where the new file cannot be opened the old one is used on.
func TestLogFileReopenFails(t *testing.T) {
	text, file := withAccessLog(t, fixedConfig)
	s := start(t, text)
	s.get("/hello")
	if err := os.Rename(file, file+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o755); err != nil {
		t.Fatal(err)
	}
	s.ReopenLogs()
	s.await("cannot reopen the log", "access.log")
	s.get("/hello")
	lineNumber(t, file+".old", 1)

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	s.ReopenLogs()
	s.get("/hello")
	lineNumber(t, file, 0)
	if old, _ := os.ReadFile(file + ".old"); bytes.Count(old, []byte("\n")) != 2 {
		t.Errorf("the old file has %q", old)
	}
}

// Reopening at the end leaves nothing open: a signal may come at any time.
func TestLogFileReopenAfterClose(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.log")
	f, err := openLog(name, 100, newLogCounts())
	if err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	both.Go(func() { f.close(lastLines) })
	both.Go(func() { f.reopen() })
	both.Wait()
	if err := f.reopen(); err != nil {
		t.Error(err)
	}
	if _, err := f.out.Write(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is open after the end: %v", err)
	}
}

func TestLogFileWithoutAName(t *testing.T) {
	for _, name := range []string{"", "stdout"} {
		f, err := openLog(name, 100, newLogCounts())
		if err != nil {
			t.Fatal(err)
		}
		out := f.out
		if err := f.reopen(); err != nil || f.out != out {
			t.Errorf("%q: reopening answers %v and changes the output: %v", name, err, f.out != out)
		}
		f.close(lastLines)
	}
	if _, err := os.Stdout.Write(nil); err != nil {
		t.Errorf("standard output is closed with the log: %v", err)
	}
	if _, err := os.Stderr.Write(nil); err != nil {
		t.Errorf("standard error is closed with the log: %v", err)
	}
}

func TestLogFileCannotBeOpened(t *testing.T) {
	name := filepath.Join(t.TempDir(), "missing", "a.log")
	if _, err := openLog(name, 100, newLogCounts()); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "cannot open the log") {
		t.Errorf("got %v", err)
	}
}

// A full disk costs lines, not requests.
func TestLogFileOnAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	s := start(t, fixedConfig+"[server.access_log]\nfile = \"/dev/full\"\n")
	for range 10 {
		s.get("/hello")
	}
	waitFor(t, "failed writes to be counted", func() bool {
		return s.samples("phasm_log_write_errors_total")[`{log="access"}`] > 0
	})
	if got := s.samples("phasm_log_write_errors_total")[`{log="server"}`]; got != 0 {
		t.Errorf("the server's log failed %v times", got)
	}
}

// Requests never wait for the access log: while the disk takes nothing at all
// they are answered, and what does not fit the buffer is counted.
func TestRequestsDoNotWaitForTheLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.log")
	s := start(t, fixedConfig+"[server.access_log]\nfile = \""+file+"\"\nbuffer = \"4KiB\"\n")
	const requests = 100
	s.generation.Load().accessLog.writing.Lock() // as a write that does not return
	c := s.dial()
	begin := time.Now()
	for range requests {
		c.send("GET /hello HTTP/1.1\nHost: a\n\n")
		if r := c.receive("GET"); r.body != "hello\n" {
			t.Fatalf("got %q", r.body)
		}
	}
	t.Logf("%d requests took %v", requests, time.Since(begin))
	var dropped float64
	waitFor(t, "the last line to be dropped", func() bool {
		before := dropped
		dropped = s.samples("phasm_log_dropped_total")[`{log="access"}`]
		return dropped > 0 && dropped == before && s.inFlight() == 0
	})
	s.generation.Load().accessLog.writing.Unlock()
	s.stop()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(text)))
	for _, line := range lines {
		parseAccess(t, line)
	}
	if len(lines)+int(dropped) != requests || len(lines) < 5 {
		t.Errorf("%d lines written and %v dropped of %d", len(lines), dropped, requests)
	}
}

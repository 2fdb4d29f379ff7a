package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// logFile writes a log in the background, so that no request ever waits for a
// disk. Lines wait in a buffer of fixed size; what does not fit is dropped and
// counted. It is safe for concurrent use.
type logFile struct {
	name   string // empty where the output cannot be reopened
	counts *logCounts

	mu     sync.Mutex
	line   []byte // the line being made
	fill   []byte // lines that wait
	limit  int
	wake   *sync.Cond
	closed bool
	done   chan struct{}

	writing sync.Mutex // held while out is used, replaced or closed
	out     io.WriteCloser
	ended   bool // out is closed
	torn    bool // what was written last is a part of a line
	spare   []byte
}

// lastLines is how long the end of a log waits for what is still to be written.
const lastLines = 5 * time.Second

// logCounts count what a log has lost, whichever file it went to.
type logCounts struct {
	dropped *metrics.Counter // lines
	failed  *metrics.Counter // writes
}

// openLog opens a log that holds back at most limit bytes. "stdout" and the
// empty name, standard error, are not files that can be reopened.
func openLog(name string, limit int, counts *logCounts) (*logFile, error) {
	f := &logFile{name: name, limit: limit, counts: counts, done: make(chan struct{})}
	f.wake = sync.NewCond(&f.mu)
	switch name {
	case "":
		f.out = keepOpen{os.Stderr}
	case "stdout":
		f.out, f.name = keepOpen{os.Stdout}, ""
	default:
		out, err := openLogFile(name)
		if err != nil {
			return nil, err
		}
		f.out = out
	}
	go f.write()
	return f, nil
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func openLogFile(name string) (*os.File, error) {
	// Without O_NONBLOCK, opening a named pipe would wait for a reader.
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0o640)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return nil, fmt.Errorf("cannot open the log: %w; nobody reads the pipe", err)
	case err != nil:
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	return file, nil
}

// append adds the line that format appends to its argument, or drops it where
// there is no room. The line ends in a newline.
func (f *logFile) append(format func([]byte) []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = format(f.line[:0])
	if len(f.fill)+len(f.line) > f.limit || f.closed {
		f.counts.dropped.Inc()
		return
	}
	if len(f.fill) == 0 {
		f.wake.Signal()
	}
	f.fill = append(f.fill, f.line...)
}

// Write adds one line: it makes logFile the output of a slog.Handler.
func (f *logFile) Write(p []byte) (int, error) {
	f.append(func(dst []byte) []byte { return append(dst, p...) })
	return len(p), nil
}

// write writes what waits until the log is closed.
func (f *logFile) write() {
	defer close(f.done)
	for {
		f.mu.Lock()
		for len(f.fill) == 0 && !f.closed {
			f.wake.Wait()
		}
		if len(f.fill) == 0 {
			f.mu.Unlock()
			return
		}
		lines := f.fill
		f.fill = f.spare[:0]
		f.mu.Unlock()

		f.writing.Lock()
		if err := f.writeLines(lines); err != nil {
			f.counts.failed.Inc()
		}
		f.writing.Unlock()
		f.spare = lines
	}
}

// writeLines writes whole lines. Where a full disk has cut one off they begin on
// a line of their own.
func (f *logFile) writeLines(lines []byte) error {
	if f.torn {
		if _, err := f.out.Write([]byte{'\n'}); err != nil {
			return err
		}
		f.torn = false
	}
	n, err := f.out.Write(lines)
	f.torn = 0 < n && n < len(lines) && lines[n-1] != '\n'
	return err
}

// reopen opens the file anew by its name. Where that fails the old one stays.
// After close it leaves nothing open.
func (f *logFile) reopen() error {
	if f.name == "" {
		return nil
	}
	out, err := openLogFile(f.name)
	if err != nil {
		return err
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	if f.ended {
		return out.Close()
	}
	f.out.Close()
	f.out, f.torn = out, false
	return nil
}

// close writes what waits and closes the file. Later lines are dropped. An output
// that takes nothing for as long as limit is left alone.
func (f *logFile) close(limit time.Duration) {
	f.mu.Lock()
	f.closed = true
	f.wake.Signal()
	f.mu.Unlock()
	select {
	case <-f.done:
	case <-time.After(limit):
		return
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	f.out.Close()
	f.ended = true
}

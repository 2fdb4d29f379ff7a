package server

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"phasm/plugins/source"
	"phasm/server/config"
)

// watchEvery is how often files are looked at. A change is taken up once two
// looks see the same, so that an editor or a checkout has written everything.
const watchEvery = 200 * time.Millisecond

// watched is what -watch looks at: the configuration that was loaded last,
// well or not, and what its plugins were built from.
type watched struct {
	config  *config.Config
	builder *source.Builder
	begun   time.Time // the load, by the clock of files
	missing []string  // what a later configuration names that could not be loaded for want of it
}

// watchFor has -watch look for what a configuration could not be loaded for want of.
func (s *Server) watchFor(err error) {
	var several *config.Error
	if !errors.As(err, &several) {
		return
	}
	w := *s.watched.Load()
	w.missing = nil
	for _, p := range several.Problems {
		if p.Missing != "" {
			w.missing = append(w.missing, p.Missing)
		}
	}
	s.watched.Store(&w)
}

// fileTick is how far the times of files may be behind: file systems take a
// clock that ticks, at the kernel's slowest 100 times a second.
const fileTick = 10 * time.Millisecond

// Watch reloads whenever the configuration or what its plugins are made of
// has changed, until ctx ends. It looks at names, times and sizes: that sees
// what editors do by rename, through symbolic links and on file systems that
// report no changes, and costs a fraction of a percent of a core. It is for
// those who write plugins.
func (s *Server) Watch(ctx context.Context) {
	loaded := s.lookAsOf(nil)
	last := loaded
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.look()
		settled := now.equal(last)
		last = now
		if !settled || now.equal(loaded) {
			continue
		}
		_ = s.Reload(ctx) // it has logged what is wrong
		loaded = s.lookAsOf(now)
		last = loaded
	}
}

// lookAsOf is what there was when the last load began, given what was seen
// before it: what has changed since then counts as a change. A file of a plugin's
// that came and went meanwhile is in no look, but in what was built.
func (s *Server) lookAsOf(before sight) sight {
	seen := s.look()
	w := s.watched.Load()
	for name, info := range seen {
		if then, known := before[name]; known {
			seen[name] = then
		} else if info != nil && info.ModTime().After(w.begun) {
			seen[name] = nil
		}
	}
	for _, p := range w.config.Plugins {
		if p.Path == "" && w.builder.Changed(p.Source) {
			seen[p.Source] = nil // no other look has it: this one differs from all
		}
	}
	return seen
}

// sight is what files looked like, by name; nil for those that are not there.
type sight map[string]fs.FileInfo

// look looks at everything that the configuration is made of.
func (s *Server) look() sight {
	w := s.watched.Load()
	seen := sight{}
	add := func(name string) { seen[name] = glance(name) }
	add(w.config.File)
	for _, name := range w.missing {
		add(name)
	}
	for _, c := range w.config.Certificates {
		add(c.Cert)
		add(c.Key)
		if c.OCSP != "" {
			add(c.OCSP)
		}
	}
	for _, p := range w.config.Plugins {
		if p.Path != "" {
			add(p.Path)
			continue
		}
		for _, name := range w.builder.Inputs(p.Source) {
			add(name)
		}
	}
	return seen
}

// glance is what a file looks like, nil where it is not there.
func glance(name string) fs.FileInfo {
	info, err := os.Stat(name)
	if err != nil {
		return nil
	}
	return info
}

func (a sight) equal(b sight) bool {
	if len(a) != len(b) {
		return false
	}
	for name, info := range a {
		other, known := b[name]
		if !known || !same(info, other) {
			return false
		}
	}
	return true
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && a.Mode() == b.Mode()
}

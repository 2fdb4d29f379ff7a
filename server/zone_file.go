package server

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"phasm/plugins/zone"
	"phasm/server/config"
)

// How often a zone and its file are looked at, and how much longer than it has
// taken to write a zone it is not written again: a large one that changes all
// the time costs a tenth of a core at most.
const (
	keepEvery   = 100 * time.Millisecond
	keepPause   = 10
	keepAgainIn = time.Second // after a failure
)

// zoneFile keeps a zone in a file. Either of them follows the other: what is
// changed in the zone is written soon, in the background, and a file that
// somebody else has changed is read again, once two looks have seen the same.
// Where both have changed the file counts.
type zoneFile struct {
	name, path string
	store      *zone.Memory
	failures   *atomic.Uint64 // to write it

	// What follows belongs to the goroutine between begin and end.
	log     *slog.Logger
	known   fs.FileInfo       // the file as it was read or written last; nil: there was none
	seen    fs.FileInfo       // as it was at the look before
	changes uint64            // the zone's, as far as they are in the file
	sum     [sha256.Size]byte // of the content that is in the file
	unread  bool              // the file has what the zone does not
	lacks   bool              // the zone has what the file does not
	problem string            // why it could not be written, as logged
	next    time.Time         // nothing is written before

	stop, stopped chan struct{} // nil but between begin and end
}

func newZoneFile(table config.Zone, u *usedZone) *zoneFile {
	return &zoneFile{name: table.Name, path: table.File, store: u.store, failures: &u.failures}
}

// moved is the file that a zone has by the configuration now in use. A zone
// that gets another file brings what is in it, unless there is one already.
func (u *usedZone) moved(table config.Zone, log *slog.Logger) *zoneFile {
	switch f := u.file; {
	case table.File == "":
		return nil
	case f != nil && f.path == table.File:
		return f
	}
	f := newZoneFile(table, u)
	if glance(f.path) != nil {
		f.read(log)
	}
	return f
}

// begin has the zone and the file follow each other.
func (f *zoneFile) begin(log *slog.Logger) {
	f.log, f.seen = log, f.known
	f.stop, f.stopped = make(chan struct{}), make(chan struct{})
	go f.follow()
}

// end writes what has not been written yet, if the file has been in use at all.
func (f *zoneFile) end() {
	if f == nil || f.stop == nil {
		return
	}
	close(f.stop)
	<-f.stopped
	f.stop, f.stopped = nil, nil
	if same(glance(f.path), f.known) {
		f.write()
	}
}

func (f *zoneFile) follow() {
	defer close(f.stopped)
	f.clean()
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
		}
		now := glance(f.path)
		settled := same(now, f.seen)
		f.seen = now
		switch {
		case !same(now, f.known):
			if settled {
				f.read(f.log)
			}
		case time.Now().After(f.next):
			f.write()
		}
	}
}

// read makes what is in the file the zone's content. A file that cannot be read
// counts as an empty one, and so does one that nobody has made yet.
func (f *zoneFile) read(log *slog.Logger) {
	log = log.With("zone", f.name, "file", f.path)
	before := f.known
	content, odd, err := f.open()
	f.unread = err != nil && f.known != nil && f.known.Size() > 0 || len(odd) > 0
	switch {
	case before == nil && errors.Is(err, fs.ErrNotExist):
		log.Info("the zone's file is not there yet")
	case err != nil:
		log.Warn("cannot read the zone's file: it counts as empty", "error", err)
	case len(odd) > 0:
		log.Warn("a zone cannot have such values: they are left out", "keys", len(odd), "first", odd[0])
	}
	asked := len(content)
	f.store.Replace(content)
	if n := asked - len(content); n > 0 {
		f.unread = true
		log.Warn("the zone is too small for its file: keys are left out", "keys", n)
	}
	f.sum = sha256.Sum256(content.JSON())
	if err == nil {
		log.Info("read the zone's file", "keys", len(content))
	}
}

// open reads the file, and notes which it was.
func (f *zoneFile) open() (content zone.Content, odd []string, err error) {
	f.known = glance(f.path)
	if f.known != nil && !f.known.Mode().IsRegular() { // a pipe would never end
		return zone.Content{}, nil, errors.New("it is no regular file")
	}
	file, err := os.Open(f.path)
	if err != nil {
		return zone.Content{}, nil, errors.Unwrap(err)
	}
	defer file.Close()
	if f.known, err = file.Stat(); err != nil {
		return zone.Content{}, nil, err
	}
	most := zone.JSONFactor * f.store.Figures().Capacity
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	switch {
	case err != nil:
		return zone.Content{}, nil, err
	case int64(len(data)) > most:
		return zone.Content{}, nil, fmt.Errorf("it has more than %d bytes, which no zone of this size fills", most)
	}
	if content, odd, err = zone.ParseContent(data); err != nil {
		content = zone.Content{}
	}
	return content, odd, err
}

// write brings the file up to date, where the zone has changed.
func (f *zoneFile) write() {
	changes := f.store.Changes()
	if changes == f.changes {
		return
	}
	began := time.Now()
	content, lacks := f.store.Content()
	if lacks > 0 && !f.lacks {
		f.log.Warn("lists, bytes that are no UTF-8 and what is no number stay out of the zone's file",
			"zone", f.name, "file", f.path, "keys", lacks)
	}
	f.lacks = lacks > 0
	text := content.JSON()
	if sum := sha256.Sum256(text); sum != f.sum {
		if err := f.replace(text); err != nil {
			f.failed(err)
			return
		}
		f.sum = sum
	}
	f.changes, f.problem = changes, ""
	f.next = time.Now().Add(keepPause * time.Since(began))
}

// failed counts that the file could not be written, and logs each reason once.
func (f *zoneFile) failed(err error) {
	f.next = time.Now().Add(keepAgainIn)
	f.failures.Add(1)
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // what is around it has another name each time
	}
	if problem := err.Error(); problem != f.problem {
		f.problem = problem
		f.log.Error("cannot write the zone's file", "zone", f.name, "file", f.path, "error", err)
	}
}

// replace writes the file beside the one there is, which it then takes the
// place of: whoever reads it finds the one or the other, also after a crash.
func (f *zoneFile) replace(text []byte) error {
	path := f.target()
	if f.unread {
		if err := setAside(path); err != nil {
			return err
		}
		f.unread = false
	}
	fresh, err := f.beside()
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name()) // it has another name if all goes well
	defer fresh.Close()
	if _, err = fresh.Write(text); err != nil {
		return err
	}
	if f.known != nil {
		if err = fresh.Chmod(f.known.Mode().Perm()); err != nil {
			return err
		}
	}
	if err = fresh.Sync(); err != nil {
		return err
	}
	info, err := fresh.Stat()
	if err != nil {
		return err
	}
	if err = os.Rename(fresh.Name(), path); err != nil {
		return err
	}
	f.known, f.seen = info, info // what is there now is no change of somebody else's
	return nil
}

// target is where the file is that is written: a link to it stays one.
func (f *zoneFile) target() string {
	if target, err := filepath.EvalSymlinks(f.path); err == nil {
		return target
	}
	return f.path
}

// beside makes the file that is to take the place of the one there is.
func (f *zoneFile) beside() (*os.File, error) {
	dir, base := filepath.Split(f.target())
	return os.CreateTemp(cmp.Or(dir, "."), "."+base+".*.tmp")
}

// clean removes what beside has made and a crash has left.
func (f *zoneFile) clean() {
	dir, base := filepath.Split(f.target())
	entries, _ := os.ReadDir(cmp.Or(dir, ".")) // without them nothing is removed
	for _, e := range entries {
		name, ours := strings.CutPrefix(e.Name(), "."+base+".")
		number, alsoOurs := strings.CutSuffix(name, ".tmp")
		if _, err := strconv.ParseUint(number, 10, 64); err == nil && ours && alsoOurs && e.Type().IsRegular() {
			_ = os.Remove(dir + e.Name()) // it harms nobody
		}
	}
}

// setAside keeps a file that the zone does not have all of beside the one that
// is to take its place.
func setAside(path string) error {
	kept := path + ".bak"
	if err := os.Remove(kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(path, kept); err != nil {
		return os.Rename(path, kept) // where there are no links
	}
	return nil
}

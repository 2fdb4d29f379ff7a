package server

import (
	"errors"
	"sync"
)

// logFiles are the log files that the living generations write to. Those who
// name the same file share it, so that a reload that changes nothing about a
// log leaves it alone. A file stays open until the last generation that
// writes to it has ended. It is safe for concurrent use.
type logFiles struct {
	mu   sync.Mutex
	used map[logUse]*usedLog
}

// logUse is a log and where the configuration puts it.
type logUse struct {
	counts *logCounts // which log it is
	name   string
	limit  int
}

type usedLog struct {
	file  *logFile
	users int
}

// open opens a log, or answers the one that is open already. Each is given
// back by release.
func (l *logFiles) open(use logUse) (*logFile, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := l.used[use]
	if u == nil {
		file, err := openLog(use.name, use.limit, use.counts)
		if err != nil {
			return nil, err
		}
		u = &usedLog{file: file}
		l.used[use] = u
	}
	u.users++
	return u.file, nil
}

// release closes a log's file once nobody uses it any more. It takes nil.
func (l *logFiles) release(file *logFile) {
	if l.leave(file) {
		file.close(lastLines) // without the lock: it waits for the disk
	}
}

// leave takes a user away, and tells whether it was the last.
func (l *logFiles) leave(file *logFile) (last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for use, u := range l.used {
		if u.file == file {
			if u.users--; u.users == 0 {
				delete(l.used, use)
			}
			return u.users == 0
		}
	}
	return false
}

// reopen opens the files anew by their names. Where that fails the old one
// stays.
func (l *logFiles) reopen() error {
	l.mu.Lock()
	var files []*logFile
	for _, u := range l.used {
		files = append(files, u.file)
	}
	l.mu.Unlock()
	var failed []error
	for _, file := range files { // without the lock: it waits for the disk
		failed = append(failed, file.reopen())
	}
	return errors.Join(failed...)
}

// close closes all files, whoever uses them: what is logged later is lost.
func (l *logFiles) close() {
	l.mu.Lock()
	used := l.used
	l.used = map[logUse]*usedLog{}
	l.mu.Unlock()
	for _, u := range used {
		u.file.close(lastLines)
	}
}

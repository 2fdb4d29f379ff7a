package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that the suite has started.
type process struct {
	command *exec.Cmd
	output  bytes.Buffer
	ended   chan struct{}
	err     error
}

// cores are those that a process may use; none means all.
type cores []int

// start starts a command on some cores. It ends with the suite.
func start(on cores, command *exec.Cmd) (*process, error) {
	p := &process{command: command, ended: make(chan struct{})}
	command.Stdout, command.Stderr = &p.output, &p.output
	command.SysProcAttr = withSuite()
	started := make(chan error)
	go func() {
		// The process has the cores of the thread that starts it, and ends with
		// that thread: so the thread does nothing else.
		runtime.LockOSThread()
		err := pin(on)
		if err == nil {
			err = command.Start()
		}
		started <- err
		if err == nil {
			p.err = command.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", command.Path, err)
	}
	return p, nil
}

// stop ends the process and all that it has started.
func (p *process) stop() {
	group := -p.command.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
	}
	syscall.Kill(group, syscall.SIGKILL) // those that it has started
	<-p.ended
}

// await waits until the process listens on an address.
func (p *process) await(address string) error {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.ended:
			return fmt.Errorf("%s has ended: %w\n%s", p.command.Path, p.err, p.output.String())
		default:
		}
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("%s does not listen on %s", p.command.Path, address)
}

// group lists the process and those it has started.
func (p *process) group() (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if f := stat(pid); f != nil && f[2] == strconv.Itoa(p.command.Process.Pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stat is /proc/PID/stat from the state on: the fields from the third (proc(5)).
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}

// cpu is the user and system time that the process and those it has started
// have taken so far.
func (p *process) cpu() (total time.Duration) {
	for _, pid := range p.group() {
		if f := stat(pid); len(f) > 12 {
			for _, ticks := range f[11:13] {
				n, _ := strconv.Atoi(ticks)
				total += time.Duration(n) * time.Second / ticksPerSecond
			}
		}
	}
	return total
}

// ticksPerSecond is the unit of /proc: USER_HZ, 100 on all that Linux runs on.
const ticksPerSecond = 100

// resident is the memory that the process and those it has started have, in
// bytes; what they share counts once (Pss).
func (p *process) resident() (bytes int) {
	for _, pid := range p.group() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.SplitSeq(string(text), "\n") {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.Atoi(f[1])
				bytes += n << 10
			}
		}
	}
	return bytes
}

// loopback is this process's own address on loopback, where the system has more
// than one: other processes choose their ports on 127.0.0.1, and one that is
// free there may be taken before the server that it is meant for has it.
func loopback() string {
	if runtime.GOOS != "linux" {
		return "127.0.0.1"
	}
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 64|pid>>16&63, pid>>8&255, pid&255)
}

var taken struct {
	sync.Mutex
	ports map[int]bool
}

// freeAddress is one on loopback where nobody listens.
func freeAddress() (string, error) {
	taken.Lock()
	defer taken.Unlock()
	for range 100 {
		l, err := net.Listen("tcp", loopback()+":0")
		if err != nil {
			return "", err
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if !taken.ports[port] {
			if taken.ports == nil {
				taken.ports = map[int]bool{}
			}
			taken.ports[port] = true
			return net.JoinHostPort(loopback(), strconv.Itoa(port)), nil
		}
	}
	return "", errors.New("no free port on " + loopback())
}

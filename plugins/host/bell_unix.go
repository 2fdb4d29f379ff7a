//go:build unix

package host

import (
	"os"
	"syscall"
)

// bell is a pipe by which a guest gets at the end of the queue of all that is
// ready to run, what the network has made ready included. The scheduler's own
// yield does not do: while there is something to run it looks at the network
// only every ten milliseconds, and a guest that yields is something to run. So
// the guest rings and waits for its own bell like a connection for its client.
type bell struct {
	in, out *os.File
	wire    syscall.RawConn
	rung    bool
	ring    func(fd uintptr) bool // made once, because a closure is an allocation
}

func newBell() (*bell, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	b := &bell{in: in, out: out}
	b.ring = b.ringAndHear
	if b.wire, err = out.SyscallConn(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// ringAndHear rings when it is called first, and then hears whether it rings.
func (b *bell) ringAndHear(fd uintptr) bool {
	var one [1]byte
	if !b.rung {
		b.rung = true
		_, err := b.in.Write(one[:])
		return err != nil
	}
	_, err := syscall.Read(int(fd), one[:])
	return err != syscall.EAGAIN
}

// wait returns once all that was ready has had its turn.
func (b *bell) wait() {
	b.rung = false
	b.wire.Read(b.ring)
}

func (b *bell) close() {
	b.in.Close()
	b.out.Close()
}

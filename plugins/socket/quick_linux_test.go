package socket

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// pair is a quick connection and the other end of it.
func pair(t *testing.T, network, address string) (quick, other net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close(); other.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	other.SetDeadline(time.Now().Add(20 * time.Second))
	return Quick(nc, nil), other
}

// eachNetwork runs a test over what Quick takes.
func eachNetwork(t *testing.T, test func(t *testing.T, quick, other net.Conn)) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) {
			quick, other := pair(t, network, address)
			if _, ok := quick.(*conn); !ok {
				t.Fatalf("it is a %T", quick)
			}
			test(t, quick, other)
		})
	}
}

// More than the kernel takes at once goes both ways at the same time.
func TestBothWays(t *testing.T) {
	eachNetwork(t, func(t *testing.T, quick, other net.Conn) {
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		got := make(chan []byte, 2)
		for _, c := range []net.Conn{quick, other} {
			go func() {
				if n, err := c.Write(sent); n != len(sent) || err != nil {
					t.Errorf("wrote %d, %v", n, err)
				}
				c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			go func() {
				all, err := io.ReadAll(c)
				if err != nil {
					t.Error(err)
				}
				got <- all
			}()
		}
		for range 2 {
			if !bytes.Equal(<-got, sent) {
				t.Error("what arrives is not what was sent")
			}
		}
	})
}

func TestReadWaits(t *testing.T) {
	eachNetwork(t, func(t *testing.T, quick, other net.Conn) {
		time.AfterFunc(20*time.Millisecond, func() { other.Write([]byte("late")) })
		p := make([]byte, 100)
		if n, err := quick.Read(p); err != nil || string(p[:n]) != "late" {
			t.Errorf("got %q, %v", p[:n], err)
		}
		if n, err := quick.Read(nil); n != 0 || err != nil {
			t.Errorf("nothing to read into: %d, %v", n, err)
		}
	})
}

func TestDeadlines(t *testing.T) {
	eachNetwork(t, func(t *testing.T, quick, other net.Conn) {
		quick.SetDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := quick.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read ended with %v", err)
		}
		full := make([]byte, 16<<20)
		n, err := quick.Write(full)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write of what nobody reads ended with %v", err)
		}
		quick.SetDeadline(time.Time{})
		go quick.Write(full[:1])
		if got, err := io.CopyN(io.Discard, other, int64(n)+1); err != nil {
			t.Errorf("%d bytes arrived of %d that were reported: %v", got, n+1, err)
		}
	})
}

func TestEnds(t *testing.T) {
	eachNetwork(t, func(t *testing.T, quick, other net.Conn) {
		other.Close()
		if _, err := quick.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a read ended with %v", err)
		}
		var err error
		for range 100 {
			if _, err = quick.Write([]byte("x")); err != nil {
				break
			}
		}
		if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a write ended with %v", err)
		}
	})
	eachNetwork(t, func(t *testing.T, quick, _ net.Conn) {
		time.AfterFunc(20*time.Millisecond, func() { quick.Close() })
		if _, err := quick.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a read of what was closed ended with %v", err)
		}
	})
}

// Others stay what they are.
func TestOthers(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	secured := tls.Client(a, &tls.Config{})
	for _, nc := range []net.Conn{a, secured} {
		if Quick(nc, nil) != nc {
			t.Errorf("a %T has become another", nc)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	quick, other := pair(t, "tcp", "127.0.0.1:0")
	p := make([]byte, 16)
	if n := testing.AllocsPerRun(100, func() {
		quick.Write(p)
		other.Read(p)
		other.Write(p)
		quick.Read(p)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

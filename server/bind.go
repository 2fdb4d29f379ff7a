package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"

	"phasm/server/config"
)

// bind opens what a configuration listens on. What is open at the same address
// already stays open and is taken over. All that fails is reported together,
// and nothing new is left open then.
func (s *Server) bind(ctx context.Context, c *config.Config) (next sockets, err error) {
	s.mu.Lock()
	used := s.sockets
	s.mu.Unlock()
	var problems []config.Problem
	failed := func(path, address string, err error) bool {
		if err != nil {
			problems = append(problems, c.Problem(path, "cannot listen on %s: %v", address, listenCause(err)))
		}
		return err != nil
	}
	spare := slices.Clone(used.listeners)
	for _, l := range c.Listeners {
		path := "listeners." + l.Name + ".address"
		same := func(o *listener) bool { return o.address == l.Address && o.shared == l.ReusePort }
		if i := slices.IndexFunc(spare, same); i >= 0 {
			next.listeners = append(next.listeners, spare[i])
			spare = slices.Delete(spare, i, i+1) // port 0 may stand there more than once
			continue
		}
		opened, err := s.openListener(ctx, &l)
		if err != nil && slices.ContainsFunc(used.listeners, func(o *listener) bool { return o.address == l.Address }) {
			err = errors.New("it is open already, and only a restart changes reuseport")
		}
		if !failed(path, l.Address, err) {
			next.listeners = append(next.listeners, newListener(opened, &l))
		}
	}
	switch address := c.Admin.Address; {
	case address == "":
	case used.admin != nil && used.admin.address == address:
		next.admin = used.admin
	default:
		var config net.ListenConfig
		opened, err := listen(ctx, config, address)
		if !failed("admin.address", address, err) {
			next.admin = newAdmin(ctx, s, opened, address)
		}
	}
	if problems != nil {
		next.without(used).close()
		return sockets{}, config.Join(problems...)
	}
	return next, nil
}

// openListener opens a listener's sockets.
func (s *Server) openListener(ctx context.Context, l *config.Listener) ([]*net.TCPListener, error) {
	if name, ok := l.Inherited(); ok {
		return s.inherited(name)
	}
	if l.ReusePort {
		return listenShared(ctx, l.Address)
	}
	var config net.ListenConfig
	opened, err := listen(ctx, config, l.Address)
	return []*net.TCPListener{opened}, err
}

func listen(ctx context.Context, config net.ListenConfig, address string) (*net.TCPListener, error) {
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

// listenShared opens a port as often as cores run code: the kernel spreads the
// connections over the sockets, each of which has a queue and an accept loop of
// its own. Other processes may open it as well.
func listenShared(ctx context.Context, address string) (opened []*net.TCPListener, err error) {
	config := net.ListenConfig{Control: sharePort}
	for range runtime.GOMAXPROCS(0) {
		l, err := listen(ctx, config, address)
		if err != nil {
			for _, l := range opened {
				l.Close()
			}
			return nil, err
		}
		opened = append(opened, l)
		address = l.Addr().String() // where the port was 0 the first has chosen
	}
	return opened, nil
}

// inherited are the sockets of that name that the process was started with.
// They are the server's own: the process's stay open, for a later generation
// that listens there again.
func (s *Server) inherited(name string) (opened []*net.TCPListener, err error) {
	defer func() {
		if err != nil {
			for _, l := range opened {
				l.Close()
			}
		}
	}()
	var others []string
	for _, file := range s.options.Inherited {
		if file.Name() != name {
			others = append(others, fmt.Sprintf("%q", file.Name()))
			continue
		}
		l, err := net.FileListener(file)
		if err != nil {
			return opened, fmt.Errorf("the socket that systemd has passed cannot be listened on: %w", listenCause(err))
		}
		tcp, ok := l.(*net.TCPListener)
		if !ok {
			l.Close()
			return opened, fmt.Errorf("the socket that systemd has passed, %s, is not one of TCP", l.Addr())
		}
		opened = append(opened, tcp)
	}
	switch {
	case opened != nil:
		return opened, nil
	case others == nil:
		return nil, errors.New("systemd has passed no sockets: start its socket unit, which starts the service")
	default:
		return nil, fmt.Errorf("systemd has passed no socket of that name, but %s: FileDescriptorName in the socket unit gives it", strings.Join(others, ", "))
	}
}

// listenCause is the part of a listen error that says why.
func listenCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

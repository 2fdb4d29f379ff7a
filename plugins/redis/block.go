package redis

import (
	"context"
	"errors"
)

// MaxBlocked is how many commands of a client may block at once. Each has a
// connection of its own.
const MaxBlocked = 64

// ErrBusy is the error of a command that would block where as many do as may.
var ErrBusy = errors.New("too many commands block already")

// block is Do for a command that may block: it has a connection of its own, and
// the client's timeout is for connecting alone. When ctx ends the connection is
// closed, and Redis forgets the command; what it has taken from a list at that
// very moment is lost.
func (c *Client) block(ctx context.Context, dst []byte, r Request) ([]byte, error) {
	if c.blocked.Add(1) > MaxBlocked {
		c.blocked.Add(-1)
		return dst, ErrBusy
	}
	own := r.clone()
	within, cancel := context.WithCancel(context.Background())
	defer cancel()
	answer := make(chan outcome, 1)
	go func() {
		defer c.blocked.Add(-1)
		client, err := c.connect()
		if err != nil {
			answer <- outcome{err: err}
			return
		}
		result := client.Do(within, build(client, &own))
		if err := result.NonRedisError(); err != nil {
			answer <- outcome{err: err}
			return
		}
		m, _ := result.ToMessage()
		reply, err := bounded(nil, &m)
		answer <- outcome{reply, err}
	}()
	select {
	case o := <-answer:
		return append(dst, o.reply...), o.err
	case <-ctx.Done():
		return dst, ctx.Err()
	}
}

package host

import (
	"errors"
	"io"
	"os"

	"phasm/sdk/abi"
)

// ErrBodyTooLarge is the error of a request's body over the limit.
var ErrBodyTooLarge = errors.New("request body too large")

func requestBodyRead(c *Call, s []uint64) {
	buf, ok := c.view(s[0], s[1])
	if !ok || len(buf) == 0 {
		fail(s, abi.BadArgument)
		return
	}
	c.beginWait()
	n, err := c.Exchange.Wire.ReadBody(buf, c.BodyRead, c.Phase < abi.Content, c.Until)
	c.EndWait()
	c.BodyRead += int64(n)
	switch {
	case n > 0 || err == io.EOF:
		answer(s, n)
	case errors.Is(err, ErrBodyTooLarge):
		fail(s, abi.NoMemory)
	case errors.Is(err, os.ErrDeadlineExceeded):
		fail(s, abi.Timeout)
	default:
		fail(s, abi.IO)
	}
}

func requestBodySet(c *Call, s []uint64) {
	body, ok := c.view(s[0], s[1])
	if ok {
		c.Exchange.Wire.SetBody(body)
		c.BodyRead = 0
	}
	done(s, ok)
}

//go:build !linux

package server

import (
	"errors"

	"phasm/server/static"
)

func (c *conn) sendFile(*static.Part) (int64, error) { return 0, errors.ErrUnsupported }

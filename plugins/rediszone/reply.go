package rediszone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"

	"phasm/plugins/zone"
)

// reply is what Redis has answered: nil, a text, a number or an array.
type reply struct {
	kind   byte
	text   []byte // of '$', part of what was parsed
	number int64  // of ':'
	array  []reply
}

// parse reads a reply as package redis encodes it, and turns one that is an
// error into the zone's.
func parse(b []byte) (reply, error) {
	r, rest, ok := cut(b)
	if !ok || len(rest) > 0 {
		return reply{}, fmt.Errorf("redis answers %.100q, which is not understood", b)
	}
	if r.kind != '-' {
		return r, nil
	}
	if known := knownError.FindSubmatch(r.text); known != nil {
		if string(known[1]) == "OOM" {
			return reply{}, zone.ErrNoMemory
		}
		return reply{}, errWrongType
	}
	return reply{}, errors.New("redis: " + string(r.text))
}

// knownError is how an error begins that means something here. Up to version 6
// Redis says first where in a script it was raised.
var knownError = regexp.MustCompile(`^(?:ERR Error running script .*: -?)?(OOM|WRONGTYPE) `)

// errWrongType is the error of a command for lists that finds none, or for
// values that finds a list.
var errWrongType = errors.New("wrong type")

// cut reads the first reply of b.
func cut(b []byte) (r reply, rest []byte, ok bool) {
	if len(b) == 0 {
		return reply{}, nil, false
	}
	r.kind, rest = b[0], b[1:]
	switch r.kind {
	case '_':
		return r, rest, true
	case ':':
		if len(rest) < 8 {
			return reply{}, nil, false
		}
		r.number = int64(binary.LittleEndian.Uint64(rest))
		return r, rest[8:], true
	case '$', '-', '*':
		if len(rest) < 4 {
			return reply{}, nil, false
		}
		n := uint64(binary.LittleEndian.Uint32(rest))
		if rest = rest[4:]; r.kind == '*' {
			for ; n > 0; n-- {
				var element reply
				if element, rest, ok = cut(rest); !ok {
					return reply{}, nil, false
				}
				r.array = append(r.array, element)
			}
			return r, rest, true
		}
		if n > uint64(len(rest)) {
			return reply{}, nil, false
		}
		r.text = rest[:n]
		return r, rest[n:], true
	}
	return reply{}, nil, false
}

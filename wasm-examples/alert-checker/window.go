package main

import (
	"strconv"

	"phasm/sdk"
)

// Time is cut into slots as long as the interval of checks. The zone has counts
// for each slot, which a check adds up: so a window slides, all instances count
// into the same one, and what has become old goes by itself.

const maxSlots = 100 // in a window

// figures are what was counted.
type figures struct {
	requests, errors, slow int64
	time                   int64 // that all requests took together, in microseconds
}

// slot has the keys of one slot of time.
type slot struct {
	number                       int64 // in intervals since 1970
	requests, errors, slow, time string
}

func slotOf(number int64) slot {
	n := strconv.FormatInt(number, 10)
	return slot{number, "requests " + n, "errors " + n, "slow " + n, "time " + n}
}

// current is the slot that this instance counts into.
var current slot

// count counts a request that ends now with that status and took that long,
// both times in nanoseconds.
func count(now int64, status int, took int64) error {
	if number := now / int64(interval); number != current.number {
		current = slotOf(number)
	}
	took = max(took, 0) // a clock may be set back
	if err := add(current.requests, 1); err != nil {
		return err
	}
	if status >= 500 {
		if err := add(current.errors, 1); err != nil {
			return err
		}
	}
	if slow > 0 && took >= int64(slow) {
		if err := add(current.slow, 1); err != nil {
			return err
		}
	}
	return add(current.time, took/1000)
}

func add(key string, n int64) error {
	_, err := zone.IncrFrom(key, n, 0, sdk.TTL(window+2*interval))
	return err
}

// counted adds up the window before now, and the slot that is not over yet.
func counted(now int64) (f figures, err error) {
	last := now / int64(interval)
	for number := last - int64(window/interval); number <= last; number++ {
		s := slotOf(number)
		for _, of := range []struct {
			key string
			sum *int64
		}{{s.requests, &f.requests}, {s.errors, &f.errors}, {s.slow, &f.slow}, {s.time, &f.time}} {
			n, err := zone.Get(of.key)
			if err != nil && err != sdk.ErrNotFound {
				return f, err
			}
			*of.sum += n.Int()
		}
	}
	return f, nil
}

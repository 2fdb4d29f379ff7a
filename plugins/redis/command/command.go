// Package command knows the commands of Redis: which of their arguments are
// keys, and which commands a plugin may send.
//
// One connection carries the commands of many plugins, so those that change
// the connection are refused always, and those that hold it up are told apart,
// because they need one of their own: see [Find].
package command

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Command is what is known of a command.
type Command struct {
	layout            layout
	first, last, step int8 // of the keys, for the layout positions; last counts from the end where negative
	flags             flags
}

type flags uint8

const (
	never     flags = 1 << iota // changes the connection, or waits for what was done on it
	dangerous                   // in Redis' own categories @dangerous and @admin, or a container of such
	opaque                      // reaches keys that are not among its arguments, or in another database, or runs other commands
	keyless                     // reaches no key and tells of none
	reads                       // changes nothing, so it may be sent again
	blocks                      // may wait until something happens, so it needs a connection of its own
	listens                     // subscribes: CheckTopic grants it, and Check never does
)

// layout says where a command has its keys.
type layout uint8

const (
	none      layout = iota // nowhere
	positions               // at first, first+step, … up to last
	counted1                // argument 1 says how many follow
	counted2                // argument 2 says how many follow
	stored                  // argument 1, and argument 2 says how many follow
	second                  // argument 2, where there is one: after a subcommand
	streams                 // the first half of what follows STREAMS
	geo                     // argument 1, and what follows STORE or STOREDIST
)

// Find is what is known of a command. The name is in upper case.
func Find(name string) (Command, bool) {
	c, ok := table[name]
	return c, ok
}

// Names are the names of all known commands that a plugin can be granted,
// sorted.
func Names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if table[name].flags&never == 0 {
			names = append(names, name)
		}
	}
	return names
}

// Reads tells whether the command changes nothing.
func (c Command) Reads() bool { return c.flags&reads != 0 }

// Scripts tells whether the command may run a script, or reaches keys that are
// not among its arguments.
func (c Command) Scripts() bool { return c.flags&opaque != 0 }

// Cacheable tells whether the client may keep the command's answer: it reads
// one key, which is its first argument.
func (c Command) Cacheable() bool {
	return c.Reads() && c.layout == positions && c.first == 1 && c.last == 1
}

// AppendKeys appends the positions of the keys among a command's arguments,
// the name being at 0. It answers false where the arguments do not have the
// form that the command asks for.
func (c Command) AppendKeys(dst []int, args []string) ([]int, bool) {
	switch c.layout {
	case positions:
		return appendSteps(dst, int(c.first), int(c.last), int(c.step), len(args))
	case counted1:
		return appendCounted(dst, 1, args)
	case counted2:
		return appendCounted(dst, 2, args)
	case stored:
		if len(args) < 2 {
			return dst, false
		}
		return appendCounted(append(dst, 1), 2, args)
	case second:
		if len(args) > 2 {
			dst = append(dst, 2)
		}
		return dst, true
	case streams:
		return appendStreams(dst, args)
	case geo:
		return appendGeo(dst, args)
	}
	return dst, true
}

func appendSteps(dst []int, first, last, step, n int) ([]int, bool) {
	if last < 0 {
		last += n
	}
	if first >= n || last >= n || last < first {
		return dst, false
	}
	for i := first; i <= last; i += step {
		dst = append(dst, i)
	}
	return dst, true
}

func appendCounted(dst []int, at int, args []string) ([]int, bool) {
	if at >= len(args) {
		return dst, false
	}
	n, err := strconv.Atoi(args[at])
	if err != nil || n < 0 || n >= len(args)-at {
		return dst, false
	}
	for i := range n {
		dst = append(dst, at+1+i)
	}
	return dst, true
}

func appendStreams(dst []int, args []string) ([]int, bool) {
	// Behind GROUP stand two names, which may be STREAMS as well.
	for i := 1; i < len(args); i++ {
		switch {
		case strings.EqualFold(args[i], "GROUP"):
			i += 2
		case strings.EqualFold(args[i], "COUNT"), strings.EqualFold(args[i], "BLOCK"):
			i++
		case strings.EqualFold(args[i], "STREAMS"):
			rest := len(args) - i - 1
			if rest == 0 || rest%2 != 0 {
				return dst, false
			}
			return appendSteps(dst, i+1, i+rest/2, 1, len(args))
		}
	}
	return dst, false
}

func appendGeo(dst []int, args []string) ([]int, bool) {
	if len(args) < 2 {
		return dst, false
	}
	dst = append(dst, 1)
	// Redis takes the last of several, so all of them count.
	for i := 5; i+1 < len(args); i++ {
		if strings.EqualFold(args[i], "STORE") || strings.EqualFold(args[i], "STOREDIST") {
			dst = append(dst, i+1)
		}
	}
	return dst, true
}

// withArguments is the command with what its arguments make of it.
func (c Command) withArguments(name string, args []string) Command {
	switch {
	case name == "SCRIPT" && len(args) > 1 && strings.EqualFold(args[1], "DEBUG"):
		c.flags |= never // the next script turns the connection into a debugger's
	case name == "COPY" && slices.ContainsFunc(args[min(3, len(args)):], func(arg string) bool { return strings.EqualFold(arg, "DB") }):
		c.flags |= opaque // into another database
	case waits(name, args):
		c.flags |= blocks
	}
	return c
}

// waits tells whether the arguments make a command wait that else would not.
func waits(name string, args []string) bool {
	if name != "XREAD" && name != "XREADGROUP" {
		return false
	}
	for i := 1; i < len(args); i++ {
		switch {
		case strings.EqualFold(args[i], "GROUP"):
			i += 2 // two names, which may be any
		case strings.EqualFold(args[i], "STREAMS"):
			return false
		case strings.EqualFold(args[i], "BLOCK"):
			return true
		}
	}
	return false
}

package command

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Default, in the place of a command's name, stands for the commands that are
// allowed where no list says otherwise.
const Default = "DEFAULT"

// Rules say which commands a plugin may send. The zero value allows the
// default: all known commands but those that Redis counts among @dangerous or
// @admin, those that administer scripts and functions, those that run scripts,
// because a script calls what it likes, and those that reach another database.
type Rules struct {
	// Commands are the names of the commands allowed, in upper case; none means
	// the default.
	Commands []string
	// Prefix is what every key must begin with. Commands whose keys are not
	// among their arguments are refused then, unless Commands names them.
	Prefix string
}

// Errors of Check.
var (
	// ErrSubscribes is the error of commands that subscribe: that is done
	// otherwise.
	ErrSubscribes = errors.New("it subscribes, which is what redis_subscribe is for")
	// ErrArguments is the error of arguments that are not a command's.
	ErrArguments = errors.New("the arguments are not those of the command")
	// ErrNever is the error of commands that nobody is granted.
	ErrNever = errors.New("it is about the connection itself, which many share")
)

// NotGranted is the error of a command that the rules do not allow.
type NotGranted struct {
	Command string // as far as it is known, in upper case
	Key     string // the key without the prefix, where that is the reason
	IsKey   bool
}

// Error says what is not granted.
func (e *NotGranted) Error() string {
	if e.IsKey && strings.HasSuffix(e.Command, "SUBSCRIBE") {
		return fmt.Sprintf("the channel %.100q is not granted", e.Key)
	}
	if e.IsKey {
		return fmt.Sprintf("the key %.100q is not granted", e.Key)
	}
	return fmt.Sprintf("the command %.100q is not granted", e.Command)
}

// Checked is a command that may be sent.
type Checked struct {
	Command
	Keys   []int // the positions of its keys
	Blocks bool  // it may wait until something happens, and needs a connection of its own
}

// Check tells whether a plugin may send a command: its name in upper case and
// its arguments, of which the name is the first. Positions of keys are appended
// to keys. The error is ErrArguments, ErrNever, ErrSubscribes or a *NotGranted.
func (r *Rules) Check(name string, args []string, keys []int) (Checked, error) {
	c, known := table[name]
	c = c.withArguments(name, args)
	named := slices.Contains(r.Commands, name)
	switch {
	case known && c.flags&listens != 0:
		return Checked{}, ErrSubscribes
	case known && c.flags&never != 0, strings.HasSuffix(name, "SUBSCRIBE"):
		return Checked{}, ErrNever
	case !named && !(known && r.isDefault() && c.flags&(dangerous|opaque) == 0):
		return Checked{}, &NotGranted{Command: name}
	}
	block := c.flags&blocks != 0
	keys, ok := c.AppendKeys(keys, args)
	if r.Prefix == "" {
		// Arguments that make no sense are for Redis to refuse, in its words.
		return Checked{c, keys, block}, nil
	}
	if !ok {
		return Checked{}, ErrArguments
	}
	for _, k := range keys {
		if !strings.HasPrefix(args[k], r.Prefix) {
			return Checked{}, &NotGranted{Command: name, Key: args[k], IsKey: true}
		}
	}
	if (len(keys) == 0 && c.flags&keyless == 0 || c.flags&opaque != 0 || !known) && !named {
		return Checked{}, &NotGranted{Command: name}
	}
	return Checked{c, keys, block}, nil
}

// CheckTopic tells whether a plugin may subscribe to a channel, or to all whose
// names match a pattern: by the commands SUBSCRIBE and PSUBSCRIBE. The prefix is
// of channels' names as of keys, so a pattern begins with it, quoted where it
// has letters that patterns use. The error is a *NotGranted.
func (r *Rules) CheckTopic(name string, pattern bool) error {
	command, prefix := "SUBSCRIBE", r.Prefix
	if pattern {
		command, prefix = "PSUBSCRIBE", quotePattern.Replace(r.Prefix)
	}
	switch {
	case !r.isDefault() && !slices.Contains(r.Commands, command):
		return &NotGranted{Command: command}
	case !strings.HasPrefix(name, prefix):
		return &NotGranted{Command: command, Key: name, IsKey: true}
	}
	return nil
}

// quotePattern has a text stand for itself in a pattern of Redis'.
var quotePattern = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`)

// isDefault tells whether the default commands are allowed.
func (r *Rules) isDefault() bool {
	return len(r.Commands) == 0 || slices.Contains(r.Commands, Default)
}

// Grantable tells whether a plugin can be granted a command of that name, in
// upper case. Names that are not known can: they may be a module's, or those of
// a later Redis.
func Grantable(name string) error {
	c, known := table[name]
	if known && c.flags&never != 0 || strings.HasSuffix(name, "SUBSCRIBE") && c.flags&listens == 0 {
		return ErrNever
	}
	return nil
}

package host

import (
	"fmt"
	"regexp/syntax"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/automaton"
	"phasm/sdk/abi"
)

// regexSet is expressions of which one pass over a text tells the first that
// matches.
type regexSet struct {
	all   []*regex
	table *automaton.Set // nil: there is none
}

// Limits of one set.
const (
	maxSetPatterns = 1000
	maxSetText     = 256 << 10 // bytes, of its list
	maxSetSize     = 50_000    // instructions
)

func regexSetCompile(c *Call, s []uint64) {
	patterns, ok := c.view(s[0], s[1])
	if !ok || len(patterns) > maxSetText {
		fail(s, abi.BadArgument)
		return
	}
	r := c.Plugin.regexes
	r.mu.RLock()
	id, known := r.setIDs[string(patterns)]
	r.mu.RUnlock()
	if known {
		answer(s, id)
		return
	}
	list, ok := parseList(patterns, maxSetPatterns)
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	id, errno, fault := c.addSet(string(patterns), list)
	if errno != 0 {
		if r.firstTime(fault) {
			c.Plugin.Log.Error(fault, "function", "regex_set_compile")
		}
		fail(s, errno)
		return
	}
	answer(s, id)
}

// addSet compiles a set that was not known a moment ago.
func (c *Call) addSet(key string, patterns []string) (id int, errno abi.Errno, fault string) {
	r := c.Plugin.regexes
	set := &regexSet{}
	size := 0
	var progs []*syntax.Prog
	for _, pattern := range patterns {
		if len(pattern) > maxPattern {
			return 0, abi.BadArgument, fmt.Sprintf("cannot compile a regular expression of a set: it has %d bytes, at most %d", len(pattern), maxPattern)
		}
		c.beforeWork()
		id, errno, fault := r.add(pattern, "")
		if errno != 0 {
			return 0, errno, fault
		}
		x := r.list.at(id)
		set.all, progs = append(set.all, x), append(progs, x.prog)
		if size += x.size; size > maxSetSize {
			return 0, abi.BadArgument, fmt.Sprintf("cannot compile a set of %d regular expressions: they have more than %d instructions", len(patterns), maxSetSize)
		}
	}
	c.beforeWork()
	if len(progs) > 0 {
		set.table = automaton.New(r.memory, progs...)
	}
	c.Look()
	r.mu.Lock()
	defer r.mu.Unlock()
	if id, known := r.setIDs[key]; known { // another instance was faster
		return id, 0, ""
	}
	if !r.room(len(key), size) {
		return 0, abi.NoMemory, noRoom
	}
	id = r.sets.add(set)
	r.setIDs[key] = id
	r.text, r.size = r.text+len(key), r.size+size
	return id, 0, ""
}

func regexSetMatch(c *Call, s []uint64) {
	set := c.Plugin.regexes.sets.at(int(api.DecodeI32(s[0])))
	text, ok := c.view(s[1], s[2])
	if set == nil || !ok {
		fail(s, abi.BadArgument)
		return
	}
	n := c.firstMatch(set, text)
	if n < 0 {
		fail(s, abi.NotFound)
		return
	}
	answer(s, n)
}

// firstMatch is the first expression of a set that matches, or -1.
func (c *Call) firstMatch(set *regexSet, text []byte) int {
	if set.table != nil {
		if n, known := set.table.Match(text, clock{c}); known {
			return n
		}
	}
	for n, x := range set.all {
		if c.matches(x, text) {
			return n
		}
	}
	return -1
}

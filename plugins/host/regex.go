package host

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/automaton"
	"phasm/sdk/abi"
)

// regexes are a plugin's regular expressions by the numbers that its guests
// know them by. All instances of a plugin share them, and they live as long as
// the plugin: until the generation that loaded it has ended.
type regexes struct {
	list numbered[regex]
	sets numbered[regexSet]

	mu     sync.RWMutex // over the rest, and over what is added
	ids    map[regexKey]int
	setIDs map[string]int    // by the list of patterns
	memory *automaton.Memory // of what matches them
	text   int               // of all patterns and flags, in bytes
	size   int               // of all of them, as compiled
	logged map[string]bool   // which faults have been
}

func newRegexes() *regexes {
	return &regexes{ids: map[regexKey]int{}, setIDs: map[string]int{}, logged: map[string]bool{}, memory: automaton.NewMemory(maxRegexTables)}
}

// numbered is what guests know by its number. It is read without a lock, because
// each match does, and added to by one at a time.
type numbered[T any] struct{ list atomic.Pointer[[]*T] }

func (n *numbered[T]) all() []*T {
	if all := n.list.Load(); all != nil {
		return *all
	}
	return nil
}

// at is what has the number, or nil.
func (n *numbered[T]) at(id int) *T {
	if all := n.all(); id >= 0 && id < len(all) {
		return all[id]
	}
	return nil
}

func (n *numbered[T]) add(x *T) (id int) {
	all := append(n.all(), x)
	n.list.Store(&all)
	return len(all) - 1
}

type regexKey struct{ pattern, flags string }

// What a plugin's expressions may take. An instruction takes some 100 bytes of
// the server's memory, which are not the guest's.
const (
	maxRegexes     = 1000
	maxRegexText   = 1 << 20  // bytes
	maxRegexSize   = 500_000  // instructions
	maxRegexTables = 32 << 20 // bytes
	maxRegexFaults = 50       // how many different ones are logged
)

func regexCompile(c *Call, s []uint64) {
	pattern, ok1 := c.view(s[0], s[1])
	flags, ok2 := c.view(s[2], s[3])
	if !ok1 || !ok2 || len(pattern) > maxPattern || len(flags) > maxPattern {
		fail(s, abi.BadArgument)
		return
	}
	r := c.Plugin.regexes
	r.mu.RLock()
	id, known := r.ids[regexKey{string(pattern), string(flags)}]
	r.mu.RUnlock()
	if known {
		answer(s, id)
		return
	}
	c.beforeWork()
	id, errno, fault := r.add(string(pattern), string(flags))
	c.Look()
	if errno != 0 {
		if r.firstTime(fault) {
			c.Plugin.Log.Error(fault, "function", "regex_compile")
		}
		fail(s, errno)
		return
	}
	answer(s, id)
}

// add compiles an expression that was not known a moment ago.
func (r *regexes) add(pattern, flags string) (id int, errno abi.Errno, fault string) {
	x, err := newRegex(pattern, flags)
	if err != nil {
		return 0, abi.BadArgument, err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := regexKey{pattern, flags}
	if id, known := r.ids[key]; known { // another instance was faster
		return id, 0, ""
	}
	text := len(pattern) + len(flags)
	if !r.room(text, x.total) {
		return 0, abi.NoMemory, noRoom
	}
	id = r.list.add(x)
	r.ids[key] = id
	r.text, r.size = r.text+text, r.size+x.total
	return id, 0, ""
}

const noRoom = "cannot compile another regular expression: a plugin has at most 1000, sets included, of 1 MiB of text and 500,000 instructions in all"

// room tells whether there is room for another expression or set.
func (r *regexes) room(text, size int) bool {
	return len(r.list.all())+len(r.sets.all()) < maxRegexes && r.text+text <= maxRegexText && r.size+size <= maxRegexSize
}

// firstTime tells whether a fault has not been logged before.
func (r *regexes) firstTime(fault string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logged[fault] || len(r.logged) == maxRegexFaults {
		return false
	}
	r.logged[fault] = true
	return true
}

// regex is the expression of that number, or nil.
func (c *Call) regex(number uint64) *regex {
	return c.Plugin.regexes.list.at(int(api.DecodeI32(number)))
}

func regexMatch(c *Call, s []uint64) {
	x := c.regex(s[0])
	text, ok := c.view(s[1], s[2])
	if x == nil || !ok {
		fail(s, abi.BadArgument)
		return
	}
	if c.matches(x, text) {
		answer(s, 1)
		return
	}
	answer(s, 0)
}

func regexFind(c *Call, s []uint64) {
	x := c.regex(s[0])
	text, ok := c.view(s[1], s[2])
	if x == nil || !ok || len(text) > maxReply {
		fail(s, abi.BadArgument)
		return
	}
	found := false
	c.each(x, text, 1, func(match []int) bool {
		c.draft = appendPositions(c.draft[:0], match)
		found = true
		return false
	})
	if !found {
		fail(s, abi.NotFound)
		return
	}
	c.replyDraft(s, s[3], s[4])
}

// maxFound is how large what regex_find_all and regex_replace make may be, in
// bytes.
const maxFound = 16 << 20

func regexFindAll(c *Call, s []uint64) {
	x := c.regex(s[0])
	text, ok := c.view(s[1], s[2])
	if x == nil || !ok || len(text) > maxReply {
		fail(s, abi.BadArgument)
		return
	}
	out, fits := c.draft[:0], true
	c.each(x, text, int(api.DecodeI32(s[3])), func(match []int) bool {
		if fits = len(out)+4*len(match) <= maxFound; fits {
			out = appendPositions(out, match)
		}
		return fits
	})
	c.draft = out
	if !fits {
		c.forget()
		fail(s, abi.NoMemory)
		return
	}
	c.replyDraft(s, s[4], s[5])
}

func regexReplace(c *Call, s []uint64) {
	text, ok := c.view(s[1], s[2])
	if !ok || len(text) > maxReply {
		fail(s, abi.BadArgument)
		return
	}
	draft, n, errno := c.replace(c.draft[:0], text, s[0], s[3:5], s[5])
	c.draft = draft
	switch {
	case errno != 0:
		c.forget()
		fail(s, errno)
	case n == 0:
		c.reply(s, text, s[6], s[7])
	default:
		c.replyDraft(s, s[6], s[7])
	}
}

// replace appends a text with its matches of an expression replaced by a
// template, and answers how many they were: where there was none it appends
// nothing. The arguments are the guest's.
func (c *Call) replace(dst, text []byte, id uint64, place []uint64, limit uint64) (out []byte, n int32, errno abi.Errno) {
	x := c.regex(id)
	template, ok := c.view(place[0], place[1])
	if x == nil || !ok {
		return dst, 0, abi.BadArgument
	}
	parts, ok := x.template(c.matching.parts[:0], template)
	if !ok {
		return dst, 0, abi.BadArgument
	}
	c.matching.parts = parts
	out, fits, copied, most := dst, true, 0, int(api.DecodeI32(limit))
	if x.literal != "" {
		var places int
		if out, places, fits = c.replaceWord(dst, text, x.literal, template, parts, most); !fits {
			return out, 0, abi.NoMemory
		}
		return out, int32(places), 0
	}
	add := func(b []byte) {
		if fits {
			out, fits = put(out, b)
		}
	}
	c.each(x, text, most, func(match []int) bool {
		n++
		add(text[copied:match[0]])
		copied = match[1]
		for _, p := range parts {
			switch {
			case p.group < 0:
				add(template[p.begin:p.end])
			case match[2*p.group] >= 0:
				add(text[match[2*p.group]:match[2*p.group+1]])
			}
		}
		c.spend(len(parts))
		return fits
	})
	if n > 0 {
		add(text[copied:])
	}
	if !fits {
		return out, 0, abi.NoMemory
	}
	return out, n, 0
}

func regexNames(c *Call, s []uint64) {
	x := c.regex(s[0])
	if x == nil {
		fail(s, abi.BadArgument)
		return
	}
	c.reply(s, x.names, s[1], s[2])
}

// appendPositions adds the begin and end of the match and of each group as
// little-endian i32, both -1 for a group that took no part.
func appendPositions(dst []byte, match []int) []byte {
	for _, at := range match {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(int32(at)))
	}
	return dst
}

package rediszone

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/zone"
)

// Store is a zone in Redis. It is safe for concurrent use. Its errors are those
// of package zone, that of the context, or what is wrong with Redis.
type Store struct {
	client  *redis.Client
	prefix  string
	leases  *leases
	changes *changes
}

var _ zone.Store = (*Store)(nil)

// New makes a zone of that name. It does not ask Redis anything.
func New(client *redis.Client, name string) *Store {
	return &Store{client, "{phasm:zone:" + name + "}", newLeases(), newChanges()}
}

// cachedFor is how long a value may be answered from what the client has kept,
// where it keeps any and Redis does not say earlier that it has changed.
const cachedFor = time.Minute

// key is a zone's key as Redis knows it.
func (s *Store) key(key []byte) (string, error) {
	if len(key) == 0 || len(key) > zone.MaxKey {
		return "", zone.ErrBadArgument
	}
	return s.prefix + string(key), nil
}

// do runs a command that changes its first argument, which is its key.
func (s *Store) do(ctx context.Context, command string, key []byte, args ...string) (reply, error) {
	k, err := s.key(key)
	if err != nil {
		return reply{}, err
	}
	defer s.changes.note(k)
	return s.send(ctx, redis.Request{Args: append([]string{command, k}, args...), Keys: []int{1}})
}

// ask runs a command that only reads its argument, which is its key.
func (s *Store) ask(ctx context.Context, command string, key []byte) (reply, error) {
	k, err := s.key(key)
	if err != nil {
		return reply{}, err
	}
	return s.send(ctx, redis.Request{Args: []string{command, k}, Keys: []int{1}, Reads: true})
}

func (s *Store) send(ctx context.Context, r redis.Request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.client.Timeout())
	defer cancel()
	b, err := s.client.Do(ctx, nil, r)
	if err != nil {
		return reply{}, err
	}
	return parse(b)
}

// run runs a script that changes a key.
func (s *Store) run(ctx context.Context, script string, key []byte, args ...string) (reply, error) {
	k, err := s.key(key)
	if err != nil {
		return reply{}, err
	}
	defer s.changes.note(k)
	return s.eval(ctx, script, k, args...)
}

func (s *Store) eval(ctx context.Context, script, key string, args ...string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.client.Timeout())
	defer cancel()
	b, err := s.client.Eval(ctx, nil, script, 1, append([]string{key}, args...))
	if err != nil {
		return reply{}, err
	}
	return parse(b)
}

// milliseconds is a time to live as Redis takes it, rounded up; "" is forever.
func milliseconds(ttl time.Duration) (string, error) {
	switch {
	case ttl < 0:
		return "", zone.ErrBadArgument
	case ttl == 0:
		return "", nil
	}
	ms := ttl / time.Millisecond
	if ttl%time.Millisecond > 0 {
		ms++
	}
	return strconv.FormatInt(int64(ms), 10), nil
}

// Get implements zone.Store.
func (s *Store) Get(ctx context.Context, dst, key []byte) (zone.Value, error) {
	k, err := s.key(key)
	if err != nil {
		return zone.Value{}, err
	}
	r, err := s.get(ctx, k)
	switch {
	case err == errWrongType:
		return zone.Value{}, zone.ErrIsList
	case err != nil:
		return zone.Value{}, err
	case r.kind == '_':
		return zone.Value{}, zone.ErrNotFound
	}
	return decode(dst, r.text), nil
}

// get gets a key, from Redis itself where the client may keep what this process
// has changed.
func (s *Store) get(ctx context.Context, key string) (reply, error) {
	r := redis.Request{Args: []string{"GET", key}, Keys: []int{1}, Reads: true}
	place := s.changes.place(key)
	if change := place.Load(); change != 0 {
		answer, err := s.send(ctx, r)
		if err == nil {
			place.CompareAndSwap(change, 0)
		}
		return answer, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.client.Timeout())
	defer cancel()
	b, err := s.client.Cached(ctx, nil, r, cachedFor)
	if err != nil {
		return reply{}, err
	}
	return parse(b)
}

// GetStale implements zone.Store: Redis keeps nothing that has expired.
func (s *Store) GetStale(ctx context.Context, dst, key []byte) (v zone.Value, stale bool, err error) {
	v, err = s.Get(ctx, dst, key)
	return v, false, err
}

// Set implements zone.Store.
func (s *Store) Set(ctx context.Context, mode zone.Mode, key []byte, v zone.Value, ttl time.Duration) (forcible bool, err error) {
	ms, err := milliseconds(ttl)
	if err != nil || v.Kind == zone.None || mode > zone.Replace {
		return false, zone.ErrBadArgument
	}
	args := []string{encode(v)}
	if ms != "" {
		args = append(args, "PX", ms)
	}
	missing := zone.ErrExists
	switch mode {
	case zone.Add, zone.SafeAdd:
		args = append(args, "NX")
	case zone.Replace:
		args, missing = append(args, "XX"), zone.ErrNotFound
	}
	r, err := s.do(ctx, "SET", key, args...)
	if err == nil && r.kind == '_' {
		err = missing
	}
	return false, err
}

// incrScript adds an integer to an integer: KEYS[1], delta, the value that a
// missing key begins with, its time to live. Where that is not so, or would
// overflow, it answers the value that is there.
const incrScript = `
local old = redis.call('GET', KEYS[1])
if not old then
  if ARGV[2] == '' then return nil end
  if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return {ARGV[2]}
end
if ARGV[1] ~= '' and string.match(old, '^-?%d+$') then
  local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
  if type(sum) ~= 'table' then return {redis.call('GET', KEYS[1])} end
end
return old`

// Incr implements zone.Store.
func (s *Store) Incr(ctx context.Context, key []byte, delta, init zone.Value, ttl time.Duration) (sum zone.Value, forcible bool, err error) {
	ms, err := milliseconds(ttl)
	if err != nil || !isNumber(delta) || init.Kind != zone.None && !isNumber(init) {
		return zone.Value{}, false, zone.ErrBadArgument
	}
	step, begin := "", ""
	if delta.Kind == zone.Int {
		step = encode(delta)
	}
	if init.Kind != zone.None {
		begin = encode(init.Plus(delta))
	}
	for {
		r, err := s.run(ctx, incrScript, key, step, begin, ms)
		switch {
		case err == errWrongType:
			return zone.Value{}, false, zone.ErrNotNumber
		case err != nil:
			return zone.Value{}, false, err
		case r.kind == '_':
			return zone.Value{}, false, zone.ErrNotFound
		case r.kind == '*' && len(r.array) == 1:
			return decode(nil, r.array[0].text), false, nil
		}
		old := decode(nil, r.text)
		if !isNumber(old) {
			return zone.Value{}, false, zone.ErrNotNumber
		}
		sum = old.Plus(delta)
		// Floats, and what does not fit an integer, are added here: nobody else
		// must have changed the number meanwhile.
		swapped, err := s.run(ctx, swapNumberScript, key, string(r.text), encode(sum))
		if err != nil {
			return zone.Value{}, false, err
		}
		if swapped.number == 1 {
			return sum, false, nil
		}
	}
}

func isNumber(v zone.Value) bool { return v.Kind == zone.Int || v.Kind == zone.Float }

// swapNumberScript replaces a value that nobody has changed, and leaves its
// time to live.
const swapNumberScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1`

// swapScript is CompareAndSwap: KEYS[1], old, new, the time to live. It answers
// 1, 0 where the value is another and nil where there is none.
const swapScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  if ARGV[1] ~= '' then return nil end
elseif kind ~= 'string' or redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`

// CompareAndSwap implements zone.Store.
func (s *Store) CompareAndSwap(ctx context.Context, key []byte, old, new zone.Value, ttl time.Duration) error {
	ms, err := milliseconds(ttl)
	if err != nil || old.Kind == zone.None && new.Kind == zone.None {
		return zone.ErrBadArgument
	}
	r, err := s.run(ctx, swapScript, key, encode(old), encode(new), ms)
	switch {
	case err != nil:
		return err
	case r.kind == '_':
		return zone.ErrNotFound
	case r.number == 0:
		return zone.ErrExists
	}
	return nil
}

// Delete implements zone.Store.
func (s *Store) Delete(ctx context.Context, key []byte) error {
	_, err := s.do(ctx, "UNLINK", key)
	return err
}

// TTL implements zone.Store.
func (s *Store) TTL(ctx context.Context, key []byte) (time.Duration, error) {
	r, err := s.ask(ctx, "PTTL", key)
	switch {
	case err != nil:
		return 0, err
	case r.number == -2:
		return 0, zone.ErrNotFound
	case r.number == -1:
		return 0, nil
	case r.number == 0: // less than one is left, which is not forever
		return time.Millisecond, nil
	case r.number > math.MaxInt64/int64(time.Millisecond):
		return math.MaxInt64, nil
	}
	return time.Duration(r.number) * time.Millisecond, nil
}

// persistScript lets a key live forever, and tells whether there is one.
const persistScript = `
redis.call('PERSIST', KEYS[1])
return redis.call('EXISTS', KEYS[1])`

// Expire implements zone.Store.
func (s *Store) Expire(ctx context.Context, key []byte, ttl time.Duration) error {
	ms, err := milliseconds(ttl)
	if err != nil {
		return err
	}
	var r reply
	if ms == "" {
		r, err = s.run(ctx, persistScript, key)
	} else {
		r, err = s.do(ctx, "PEXPIRE", key, ms)
	}
	if err == nil && r.number == 0 {
		err = zone.ErrNotFound
	}
	return err
}

// Push implements zone.Store.
func (s *Store) Push(ctx context.Context, key []byte, end zone.End, v zone.Value) (int, error) {
	if v.Kind == zone.None || end > zone.Right {
		return 0, zone.ErrBadArgument
	}
	command := "LPUSH"
	if end == zone.Right {
		command = "RPUSH"
	}
	r, err := s.do(ctx, command, key, encode(v))
	return int(r.number), ofList(err)
}

// popScript takes an element that has room, encoded: KEYS[1], its place, the
// room. It answers the element in any case.
const popScript = `
local element = redis.call('LINDEX', KEYS[1], ARGV[1])
if not element then return nil end
local size = string.len(element)
if string.match(element, '^-?%d+$') then size = 9 end
if size <= tonumber(ARGV[2]) then
  if ARGV[1] == '0' then redis.call('LPOP', KEYS[1]) else redis.call('RPOP', KEYS[1]) end
end
return element`

// Pop implements zone.Store.
func (s *Store) Pop(ctx context.Context, dst, key []byte, end zone.End, room int) (zone.Value, error) {
	place := "0"
	switch end {
	case zone.Left:
	case zone.Right:
		place = "-1"
	default:
		return zone.Value{}, zone.ErrBadArgument
	}
	r, err := s.run(ctx, popScript, key, place, strconv.Itoa(room))
	switch {
	case err != nil:
		return zone.Value{}, ofList(err)
	case r.kind == '_':
		return zone.Value{}, zone.ErrNotFound
	}
	return decode(dst, r.text), nil
}

// Len implements zone.Store.
func (s *Store) Len(ctx context.Context, key []byte) (int, error) {
	r, err := s.ask(ctx, "LLEN", key)
	return int(r.number), ofList(err)
}

// ofList is the error of an operation on lists.
func ofList(err error) error {
	if errors.Is(err, errWrongType) {
		return zone.ErrNotList
	}
	return err
}

// scanScript lists keys from a cursor on, of a pattern. The key says in a
// cluster on which node.
const scanScript = `return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)`

// flushScript is scanScript that also deletes what it finds.
const flushScript = `
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
for _, key in ipairs(found[2]) do redis.call('UNLINK', key) end
return found`

// scan calls see with the keys of the zone, some of them more than once, until
// it answers false.
func (s *Store) scan(ctx context.Context, script string, see func(key []byte) bool) error {
	pattern := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s.prefix) + "*"
	for cursor := "0"; ; {
		r, err := s.eval(ctx, script, s.prefix, cursor, pattern)
		if err != nil {
			return err
		}
		if len(r.array) != 2 {
			return errors.New("redis answers SCAN with something else")
		}
		for _, key := range r.array[1].array {
			if !see(bytes.TrimPrefix(key.text, []byte(s.prefix))) {
				return nil
			}
		}
		if cursor = string(r.array[0].text); cursor == "0" {
			return nil
		}
	}
}

// Flush implements zone.Store. Keys that are set meanwhile may stay.
func (s *Store) Flush(ctx context.Context) (n int, err error) {
	defer s.changes.noteAll()
	err = s.scan(ctx, flushScript, func([]byte) bool { n++; return true })
	return n, err
}

// FlushExpired implements zone.Store: Redis does it by itself.
func (s *Store) FlushExpired(_ context.Context, max int) (int, error) {
	if max < 0 {
		return 0, zone.ErrBadArgument
	}
	return 0, nil
}

// Keys implements zone.Store.
func (s *Store) Keys(ctx context.Context, dst []byte, max int) ([]byte, error) {
	if max < 0 {
		return dst, zone.ErrBadArgument
	}
	seen := map[string]bool{}
	err := s.scan(ctx, scanScript, func(key []byte) bool {
		if !seen[string(key)] {
			seen[string(key)] = true
			dst = append(binary.LittleEndian.AppendUint32(dst, uint32(len(key))), key...)
		}
		return len(seen) != max
	})
	return dst, err
}

// errNoSize is the error of Info.
var errNoSize = errors.New("a zone in Redis has no size of its own")

// Info implements zone.Store, by an error.
func (s *Store) Info(context.Context) (zone.Info, error) { return zone.Info{}, errNoSize }

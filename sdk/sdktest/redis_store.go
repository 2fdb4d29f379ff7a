//go:build !wasip1

package sdktest

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// redisValue is what a key of the fake Redis holds: one of the kinds.
type redisValue struct {
	text    string
	hash    map[string]string
	set     []string
	list    []string
	expires int64 // on the fake's clock; 0 is never
}

const (
	redisWrongType  = RedisError("WRONGTYPE Operation against a key holding the wrong kind of value")
	redisNotInteger = RedisError("ERR value is not an integer or out of range")
	redisOverflow   = RedisError("ERR increment or decrement would overflow")
	redisSyntax     = RedisError("ERR syntax error")
)

// live is what a key holds, nil where it holds nothing or has expired.
func (r *Redis) live(key string) *redisValue {
	v := r.values[key]
	if v != nil && v.expires != 0 && r.now() >= v.expires {
		delete(r.values, key)
		return nil
	}
	return v
}

// now is the time by which keys expire.
func (r *Redis) now() int64 {
	if r.fake == nil {
		return 0
	}
	return r.fake.now
}

// text is the string of a key, and whether there is one.
func (r *Redis) text(key string) (text string, found bool, err any) {
	v := r.live(key)
	switch {
	case v == nil:
		return "", false, nil
	case v.hash != nil || v.set != nil || v.list != nil:
		return "", false, redisWrongType
	}
	return v.text, true, nil
}

// collection is what a key holds, made where it holds nothing.
func (r *Redis) collection(key string, is func(*redisValue) bool, prepare func(*redisValue)) (*redisValue, any) {
	v := r.live(key)
	if v == nil {
		v = &redisValue{}
		prepare(v)
		r.values[key] = v
	}
	if !is(v) {
		return nil, redisWrongType
	}
	return v, nil
}

// redisArity is how many arguments the commands take that the map knows: at
// least and, where that is more than 0, at most.
var redisArity = map[string][2]int{
	"PING": {0, 1}, "GET": {1, 1}, "SET": {2}, "SETEX": {3, 3}, "SETNX": {2, 2}, "MGET": {1}, "DEL": {1}, "EXISTS": {1}, "INCR": {1, 1}, "INCRBY": {2, 2}, "DECR": {1, 1},
	"EXPIRE": {2, 2}, "PEXPIRE": {2, 2}, "TTL": {1, 1}, "PTTL": {1, 1}, "PERSIST": {1, 1}, "HSET": {3}, "HGET": {2, 2}, "HMGET": {2}, "HGETALL": {1, 1}, "HDEL": {2},
	"SADD": {2}, "SREM": {2}, "SMEMBERS": {1, 1}, "LPUSH": {2}, "LTRIM": {3, 3}, "LRANGE": {3, 3}, "PUBLISH": {2, 2},
}

// redisSet is an answer that is a set.
type redisSet []string

// redisInt reads an integer as Redis does: as it would write it.
func redisInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strconv.FormatInt(n, 10) == text
}

// store answers a command from the map.
func (r *Redis) store(name string, args []string) any {
	takes, known := redisArity[name]
	switch {
	case !known:
		return RedisError("ERR the fake Redis does not know " + name + ": answer it by Handle")
	case len(args) < takes[0], takes[1] > 0 && len(args) > takes[1], name == "HSET" && len(args)%2 == 0:
		return RedisError("ERR wrong number of arguments for '" + strings.ToLower(name) + "' command")
	}
	switch name {
	case "PING":
		if len(args) > 0 {
			return args[0]
		}
		return "PONG"
	case "PUBLISH":
		r.Published = append(r.Published, [2]string{args[0], args[1]})
		return 0
	case "GET":
		text, found, err := r.text(args[0])
		if err != nil || !found {
			return err
		}
		return text
	case "MGET":
		var all []any
		for _, key := range args {
			if text, found, _ := r.text(key); found {
				all = append(all, text)
			} else {
				all = append(all, nil)
			}
		}
		return all
	case "SET":
		return r.set(name, args[0], args[1], args[2:])
	case "SETEX":
		return r.set(name, args[0], args[2], []string{"EX", args[1]})
	case "SETNX":
		if r.set(name, args[0], args[1], []string{"NX"}) == nil {
			return 0
		}
		return 1
	case "INCR":
		return r.add(args[0], "1", 1)
	case "DECR":
		return r.add(args[0], "1", -1)
	case "INCRBY":
		return r.add(args[0], args[1], 1)
	case "DEL", "EXISTS":
		n := 0
		for _, key := range args {
			if r.live(key) != nil {
				n++
				if name == "DEL" {
					delete(r.values, key)
				}
			}
		}
		return n
	case "EXPIRE", "PEXPIRE", "TTL", "PTTL", "PERSIST":
		return r.expiry(name, args)
	case "HSET", "HGET", "HMGET", "HGETALL", "HDEL":
		return r.hash(name, args)
	case "SADD", "SREM", "SMEMBERS":
		return r.members(name, args)
	}
	return r.list(name, args)
}

// set is SET with its options, as the command of that name.
func (r *Redis) set(name, key, value string, options []string) any {
	when, unit, expires := "", "", ""
	for i := 0; i < len(options); i++ {
		switch option := strings.ToUpper(options[i]); option {
		case "NX", "XX":
			if when != "" && when != option {
				return redisSyntax
			}
			when = option
		case "EX", "PX":
			if i++; unit != "" || i == len(options) {
				return redisSyntax
			}
			unit, expires = option, options[i]
		default:
			return redisSyntax
		}
	}
	v := &redisValue{text: value}
	if unit != "" {
		n, ok := redisInt(expires)
		if !ok {
			return redisNotInteger
		}
		if v.expires, ok = r.after(n, redisUnit(unit)); !ok || n <= 0 {
			return redisBadExpiry(name)
		}
	}
	if when != "" && (r.live(key) == nil) != (when == "NX") {
		return nil
	}
	r.values[key] = v
	return "OK"
}

// after is the time in n units from now on, false where Redis, which counts in
// milliseconds, cannot say when that is.
func (r *Redis) after(n, unit int64) (at int64, ok bool) {
	each := unit / 1e6
	if n > (math.MaxInt64-max(1, r.now()/1e6))/each || n < math.MinInt64/each {
		return 0, false
	}
	if n > (math.MaxInt64-r.now())/unit {
		return math.MaxInt64, true
	}
	return r.now() + max(n, 0)*unit, true
}

func redisBadExpiry(name string) RedisError {
	return RedisError("ERR invalid expire time in '" + strings.ToLower(name) + "' command")
}

// redisUnit is what a number counts in, in nanoseconds.
func redisUnit(name string) int64 {
	if strings.HasPrefix(name, "P") {
		return 1e6
	}
	return 1e9
}

func (r *Redis) add(key, by string, sign int64) any {
	d, ok := redisInt(by)
	if !ok {
		return redisNotInteger
	}
	text, found, err := r.text(key)
	if err != nil {
		return err
	}
	if !found {
		text = "0"
	}
	n, ok := redisInt(text)
	if !ok {
		return redisNotInteger
	}
	d *= sign
	if d > 0 && n > math.MaxInt64-d || d < 0 && n < math.MinInt64-d {
		return redisOverflow
	}
	n += d
	if found {
		r.live(key).text = strconv.FormatInt(n, 10)
	} else {
		r.values[key] = &redisValue{text: strconv.FormatInt(n, 10)}
	}
	return n
}

func (r *Redis) expiry(name string, args []string) any {
	v, unit := r.live(args[0]), redisUnit(name)
	switch {
	case name == "PERSIST":
		unset := v != nil && v.expires != 0
		if unset {
			v.expires = 0
		}
		return oneIf(unset)
	case strings.HasSuffix(name, "TTL") && v == nil:
		return -2
	case strings.HasSuffix(name, "TTL") && v.expires == 0:
		return -1
	case name == "TTL":
		left := v.expires - r.now()
		return left/unit + int64(oneIf(left%unit >= unit/2))
	case name == "PTTL":
		return (v.expires - r.now()) / unit
	}
	if name == "PEXPIRE" || name == "EXPIRE" {
		n, ok := redisInt(args[1])
		if !ok {
			return redisNotInteger
		}
		at, ok := r.after(n, unit)
		if !ok {
			return redisBadExpiry(name)
		}
		if v != nil && n <= 0 {
			delete(r.values, args[0])
		} else if v != nil {
			v.expires = at
		}
	}
	return oneIf(v != nil)
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (r *Redis) hash(name string, args []string) any {
	if name == "HMGET" {
		if v := r.live(args[0]); v != nil && v.hash == nil {
			return redisWrongType
		}
		all := []any{}
		for _, field := range args[1:] {
			all = append(all, r.hash("HGET", []string{args[0], field}))
		}
		return all
	}
	if r.live(args[0]) == nil && name != "HSET" {
		return map[string]any{"HGET": nil, "HGETALL": map[string]string{}, "HDEL": 0}[name]
	}
	v, err := r.collection(args[0], func(v *redisValue) bool { return v.hash != nil },
		func(v *redisValue) { v.hash = map[string]string{} })
	if err != nil {
		return err
	}
	n := 0
	switch name {
	case "HGETALL":
		return v.hash
	case "HGET":
		if text, found := v.hash[args[1]]; found {
			return text
		}
		return nil
	case "HDEL":
		for _, field := range args[1:] {
			if _, found := v.hash[field]; found {
				delete(v.hash, field)
				n++
			}
		}
		if len(v.hash) == 0 {
			delete(r.values, args[0])
		}
	default:
		for i := 1; i+1 < len(args); i += 2 {
			if _, found := v.hash[args[i]]; !found {
				n++
			}
			v.hash[args[i]] = args[i+1]
		}
	}
	return n
}

func (r *Redis) members(name string, args []string) any {
	if r.live(args[0]) == nil && name != "SADD" {
		return map[string]any{"SREM": 0, "SMEMBERS": redisSet{}}[name]
	}
	v, err := r.collection(args[0], func(v *redisValue) bool { return v.set != nil },
		func(v *redisValue) { v.set = []string{} })
	if err != nil {
		return err
	}
	before := len(v.set)
	switch name {
	case "SMEMBERS":
		return redisSet(v.set)
	case "SREM":
		v.set = slices.DeleteFunc(v.set, func(member string) bool { return slices.Contains(args[1:], member) })
		if len(v.set) == 0 {
			delete(r.values, args[0])
		}
		return before - len(v.set)
	}
	v.set = append(v.set, args[1:]...)
	slices.Sort(v.set)
	v.set = slices.Compact(v.set)
	return len(v.set) - before
}

func (r *Redis) list(name string, args []string) any {
	from, to := int64(0), int64(0)
	if name != "LPUSH" {
		var ok1, ok2 bool
		from, ok1 = redisInt(args[1])
		to, ok2 = redisInt(args[2])
		if !ok1 || !ok2 {
			return redisNotInteger
		}
	}
	if r.live(args[0]) == nil && name != "LPUSH" {
		return map[string]any{"LTRIM": "OK", "LRANGE": []string{}}[name]
	}
	v, err := r.collection(args[0], func(v *redisValue) bool { return v.list != nil },
		func(v *redisValue) { v.list = []string{} })
	if err != nil {
		return err
	}
	if name == "LPUSH" {
		for _, element := range args[1:] {
			v.list = slices.Insert(v.list, 0, element)
		}
		return len(v.list)
	}
	n := int64(len(v.list))
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to += n
	}
	to = max(0, min(to, n-1)+1)
	part := slices.Clone(v.list[min(from, to):to])
	if name == "LRANGE" {
		return part
	}
	if v.list = part; len(part) == 0 {
		delete(r.values, args[0])
	}
	return "OK"
}

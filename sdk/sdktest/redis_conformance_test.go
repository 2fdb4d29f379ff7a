//go:build !wasip1

package sdktest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"phasm/plugins/redis"
	"phasm/plugins/redis/redistest"
)

// The fake Redis answers as Redis does, to random commands on few keys.
func TestRedisConforms(t *testing.T) {
	server := redistest.Start(t)
	client, err := redis.New(redis.Options{Addresses: []string{server.Address}, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	fake := NewRedis()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	key := func() string { return pick("a", "b", "c") }
	value := func() string {
		return pick("", "v", "7", "-7", "07", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1.5", "field", "f")
	}
	number := func() string { return pick("0", "1", "-1", "2", "-3", "100", "9223372036854775807", "x") }
	seconds := func() string { return pick("1000000", "2000000", "0", "-1", "x", "9223372036854775807") }
	for range 10000 {
		var c []string
		switch r.IntN(22) {
		case 0:
			c = []string{"GET", key()}
		case 1:
			c = []string{"SET", key(), value()}
		case 2:
			c = []string{"SET", key(), value(), pick("NX", "xx")}
		case 3:
			c = []string{"SET", key(), value(), pick("EX", "PX"), seconds()}
		case 4:
			c = []string{"SET", key(), value(), pick("NX", "XX"), pick("NX", "XX", "EX", "more")}
		case 5:
			c = []string{pick("SETEX", "setex"), key(), seconds(), value()}
		case 6:
			c = []string{"SETNX", key(), value()}
		case 7:
			c = []string{"MGET", key(), key(), key()}
		case 8:
			c = []string{pick("DEL", "EXISTS"), key(), key()}
		case 9:
			c = []string{pick("INCR", "DECR"), key()}
		case 10:
			c = []string{"INCRBY", key(), value()}
		case 11:
			c = []string{pick("EXPIRE", "PEXPIRE"), key(), seconds()}
		case 12:
			c = []string{pick("TTL", "PERSIST"), key()}
		case 13:
			c = []string{"HSET", key(), value(), value()}
		case 14:
			c = []string{pick("HSET", "HMGET"), key(), value(), value(), value()}
		case 15:
			c = []string{pick("HGET", "HDEL"), key(), value()}
		case 16:
			c = []string{pick("HGETALL", "SMEMBERS"), key()}
		case 17:
			c = []string{pick("SADD", "SREM"), key(), value(), value()}
		case 18:
			c = []string{"LPUSH", key(), value(), value()}
		case 19:
			c = []string{pick("LTRIM", "LRANGE"), key(), number(), number()}
		case 20:
			c = []string{"PING"}
		default:
			c = []string{pick("GET", "SET", "HSET", "TTL", "LPUSH", "DEL", "PING"), key()}[:1+r.IntN(2)]
		}
		want, err := client.Do(context.Background(), nil, redis.Request{Args: c})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := shown(appendRedis(nil, fake.run(c))), shown(want); got != want {
			t.Fatalf("seed %d: %q: Redis answers %s, the fake %s", seed, c, want, got)
		}
	}
}

// shown is an answer as text: sets and maps have no order, and what a key has to
// live is about so long.
func shown(answer []byte) string {
	text, _ := shownValue(answer)
	return text
}

func shownValue(b []byte) (text string, rest []byte) {
	kind, b := b[0], b[1:]
	switch kind {
	case '_':
		return "nil", b
	case ':':
		n := int64(binary.LittleEndian.Uint64(b))
		if n > 1000 && n < 2000001 {
			n = (n + 500) / 1000
		}
		return strconv.FormatInt(n, 10), b[8:]
	}
	n := int(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if kind == '$' || kind == '-' {
		return fmt.Sprintf("%c%q", kind, b[:n]), b[n:]
	}
	all := make([]string, n)
	for i := range all {
		all[i], b = shownValue(b)
		if kind == '%' {
			var value string
			value, b = shownValue(b)
			all[i] += ": " + value
		}
	}
	if kind != '*' {
		slices.Sort(all)
	}
	return fmt.Sprintf("%c%v", kind, all), b
}

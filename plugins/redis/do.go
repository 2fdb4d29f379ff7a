package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// MaxCommands is how many commands a pipeline or a transaction may have.
const MaxCommands = 1000

// Do runs a command and appends the reply to dst, see AppendReply; an error
// reply is a reply. The error is ctx's, or says what is wrong with the
// connection: the command may have run then. A command that blocks does so for
// as long as ctx lasts; the error is ErrBusy where MaxBlocked do.
func (c *Client) Do(ctx context.Context, dst []byte, r Request) ([]byte, error) {
	if r.Blocks {
		return c.block(ctx, dst, r)
	}
	if client := c.ready(); client != nil {
		result := client.Do(ctx, build(client, &r))
		c.sent.Add(-1)
		return c.finish(dst, result)
	}
	own := r.clone()
	return c.patiently(ctx, dst, func(ctx context.Context, client *connected) ([]byte, error) {
		if c.cluster && own.Scripts {
			return c.finish(nil, c.script(ctx, client, &own))
		}
		return c.finish(nil, client.Do(ctx, build(client, &own)))
	})
}

// Pipeline sends commands in one round trip and appends their replies to dst,
// as an array. Commands of others may run in between. In a cluster it is one
// round trip for each node, all at once, but where there are scripts among them
// one for each command.
func (c *Client) Pipeline(ctx context.Context, dst []byte, requests []Request) ([]byte, error) {
	if c.cluster && slices.ContainsFunc(requests, func(r Request) bool { return r.Scripts }) {
		return c.separately(ctx, dst, requests)
	}
	return c.several(ctx, dst, requests, c.finishAll, nil)
}

// Transaction runs commands between MULTI and EXEC, in one round trip, and
// appends EXEC's reply to dst: an array, or the error that kept all of them
// from running. In a cluster all keys must hash to the same slot.
func (c *Client) Transaction(ctx context.Context, dst []byte, requests []Request) ([]byte, error) {
	if c.cluster && !sameSlot(requests) {
		return appendText(dst, typeError, "CROSSSLOT Keys in request don't hash to the same slot"), nil
	}
	return c.several(ctx, dst, requests, c.finishTransaction, []string{"MULTI", "EXEC"})
}

// several sends commands in one round trip, between two others where brackets
// are given.
func (c *Client) several(ctx context.Context, dst []byte, requests []Request,
	finish func([]byte, []rueidis.RedisResult) ([]byte, error), brackets []string) ([]byte, error) {
	if len(requests) == 0 {
		return appendHead(dst, typeArray, 0), nil
	}
	if client := c.ready(); client != nil {
		results := client.DoMulti(ctx, c.buildAll(client, requests, brackets)...)
		c.sent.Add(-1)
		return finish(dst, results)
	}
	copies := make([]Request, len(requests))
	for i, r := range requests {
		copies[i] = r.clone()
	}
	return c.patiently(ctx, dst, func(ctx context.Context, client *connected) ([]byte, error) {
		return finish(nil, client.DoMulti(ctx, c.buildAll(client, copies, brackets)...))
	})
}

// Eval runs a script by its digest, and by its text where Redis does not know
// it yet (EVALSHA, EVAL). The first keys of args are the script's keys.
func (c *Client) Eval(ctx context.Context, dst []byte, script string, keys int, args []string) ([]byte, error) {
	digest := sha1.Sum([]byte(script))
	r := Request{Args: append([]string{"EVALSHA", hex.EncodeToString(digest[:]), strconv.Itoa(keys)}, args...), Scripts: true}
	if keys > 0 {
		r.Keys = []int{3}
	}
	begin := len(dst)
	dst, err := c.Do(ctx, dst, r)
	if err != nil || !isError(dst[begin:], "NOSCRIPT") {
		return dst, err
	}
	r.Args = append([]string{"EVAL", script}, r.Args[2:]...)
	return c.Do(ctx, dst[:begin], r)
}

// build makes a command of the library's.
func build(client *connected, r *Request) rueidis.Completed {
	b := client.B().Arbitrary()
	if len(r.Keys) > 0 {
		// The first key says where to, in a cluster and among connections. That
		// the others belong there, too, Redis checks.
		first := r.Keys[0]
		b = b.Args(r.Args[:first]...).Keys(r.Args[first]).Args(r.Args[first+1:]...)
	} else {
		b = b.Args(r.Args...)
	}
	switch {
	case r.Blocks:
		return b.Blocking()
	case r.Reads:
		return b.ReadOnly()
	}
	return b.Build()
}

// buildAll makes commands that go in one round trip. Those without a key go
// where the first key is.
func (c *Client) buildAll(client *connected, requests []Request, brackets []string) []rueidis.Completed {
	commands := make([]rueidis.Completed, 0, len(requests)+2)
	if brackets != nil {
		commands = append(commands, client.B().Arbitrary(brackets[0]).Build())
	}
	for i := range requests {
		commands = append(commands, build(client, &requests[i]))
	}
	if brackets != nil {
		commands = append(commands, client.B().Arbitrary(brackets[1]).Build())
	}
	place := placeOf(requests)
	for i := range commands {
		at := i
		if brackets != nil {
			at--
		}
		if at < 0 || at >= len(requests) || len(requests[at].Keys) == 0 {
			commands[i] = commands[i].SetSlot(place)
		}
	}
	return commands
}

// placeOf is the first key of all.
func placeOf(requests []Request) string {
	for _, r := range requests {
		if len(r.Keys) > 0 {
			return r.Args[r.Keys[0]]
		}
	}
	return ""
}

// failed notes how a command went, as far as the connection is concerned.
func (c *Client) failed(err error) error {
	c.good.Store(err == nil)
	return err
}

// finish appends the reply to a command.
func (c *Client) finish(dst []byte, result rueidis.RedisResult) ([]byte, error) {
	if err := c.failed(result.NonRedisError()); err != nil {
		return dst, err
	}
	m, _ := result.ToMessage()
	return bounded(dst, &m)
}

// finishAll appends the replies to a pipeline. Where one is lost all are.
func (c *Client) finishAll(dst []byte, results []rueidis.RedisResult) ([]byte, error) {
	for _, r := range results {
		if err := c.failed(r.NonRedisError()); err != nil {
			return dst, err
		}
	}
	dst = appendHead(dst, typeArray, len(results))
	for _, r := range results {
		m, _ := r.ToMessage()
		var err error
		if dst, err = bounded(dst, &m); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// finishTransaction appends what EXEC has answered, or why there was none.
func (c *Client) finishTransaction(dst []byte, results []rueidis.RedisResult) ([]byte, error) {
	for _, r := range results {
		if err := c.failed(r.NonRedisError()); err != nil {
			return dst, err
		}
	}
	for _, r := range results[:len(results)-1] {
		m, err := r.ToMessage()
		var refusal *rueidis.RedisError
		if errors.As(err, &refusal) {
			return bounded(dst, &m) // it tells more than EXECABORT
		}
	}
	m, _ := results[len(results)-1].ToMessage()
	return bounded(dst, &m)
}

// sameSlot tells whether a cluster has all the keys in one place.
func sameSlot(requests []Request) bool {
	slot := -1
	for _, r := range requests {
		for _, k := range r.Keys {
			if s := int(slotOf(r.Args[k])); slot >= 0 && s != slot {
				return false
			} else {
				slot = s
			}
		}
	}
	return true
}

// slotOf is a key's slot in a cluster (Redis cluster specification, "Key
// distribution model"): CRC16 of the key, or of the part in braces.
func slotOf(key string) uint16 {
	if _, rest, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc % 16384
}

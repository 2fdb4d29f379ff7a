package redis

import (
	"context"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// Cached is Do for a command that reads one key, its first argument: the reply
// may be one that the client has kept, for ttl at most, or until Redis says
// that the key has changed. Without a cache it is Do, and so it is for commands
// with more than one argument behind the key.
func (c *Client) Cached(ctx context.Context, dst []byte, r Request, ttl time.Duration) ([]byte, error) {
	name := ""
	if c.caches {
		name = nameToKeep(r.Args)
	}
	switch name {
	case "":
		return c.Do(ctx, dst, r)
	case r.Args[0]:
	default:
		r = r.clone()
		r.Args[0] = name
	}
	if client := c.ready(); client != nil {
		result := keep(ctx, client, &r, ttl)
		c.sent.Add(-1)
		if notKept(ctx, result) {
			return c.Do(ctx, dst, r)
		}
		return c.finish(dst, result)
	}
	own := r.clone()
	return c.patiently(ctx, dst, func(ctx context.Context, client *connected) ([]byte, error) {
		result := keep(ctx, client, &own, ttl)
		if notKept(ctx, result) {
			result = client.Do(ctx, build(client, &own))
		}
		return c.finish(nil, result)
	})
}

// keep asks for a reply to keep. The library takes for granted that the
// transaction by which it asks has a reply for each of its commands.
func keep(ctx context.Context, client *connected, r *Request, ttl time.Duration) (result rueidis.RedisResult) {
	defer func() {
		if recover() != nil {
			result = rueidis.NewErrorResult(errNotRESP)
		}
	}()
	return client.DoCache(ctx, rueidis.Cacheable(build(client, r)), ttl)
}

// notKept tells whether it is worth asking plainly. Redis has refused the
// command in the transaction by which the library asks for a reply to keep, and
// says what is wrong in its own words when asked without that; or the library has
// let the command wait for a reply that somebody else had asked for, who has
// given up.
func notKept(ctx context.Context, result rueidis.RedisResult) bool {
	return result.NonRedisError() != nil && ctx.Err() == nil
}

// nameToKeep is a command's name as it is sent so that its reply is kept for no
// other command, or "" where there is none such. The library keeps a key's
// replies by the name and the arguments behind the key, one after the other: to
// it HGET h ALL is HGETALL h, and GETRANGE k 1 23 is GETRANGE k 12 3. Redis does
// not mind the case of a name, so that says where the name ends: it is HGETALL
// without an argument behind the key, and hgeT with one.
func nameToKeep(args []string) string {
	switch name := args[0]; {
	case len(name) < 2:
	case len(args) == 2:
		return strings.ToUpper(name)
	case len(args) == 3:
		last := len(name) - 1
		return strings.ToLower(name[:last]) + strings.ToUpper(name[last:])
	}
	return ""
}

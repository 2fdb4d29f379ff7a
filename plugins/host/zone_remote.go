package host

import (
	"context"
	"time"

	"phasm/plugins/zone"
)

// remoteZone is a store that has to be waited for. Its contexts are calls: each
// operation ends at the call's deadline, and soon after the client has gone.
type remoteZone struct{ store zone.Store }

// RemoteZone is a store for a [Zone] that is not in this process.
func RemoteZone(store zone.Store) zone.Store { return &remoteZone{store} }

// wait does something with the store.
func (z *remoteZone) wait(ctx context.Context, do func(context.Context) error) (err error) {
	c, calls := ctx.(*Call)
	if !calls { // the end of an exchange
		return do(ctx)
	}
	c.patiently(func(p *patience) {
		if err = do(p); err != nil && p.Err() == errClientGone {
			err = context.Canceled
		}
	})
	return err
}

// Get implements zone.Store, as do the following.
func (z *remoteZone) Get(ctx context.Context, dst, key []byte) (v zone.Value, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		v, err = z.store.Get(ctx, dst, key)
		return err
	})
	return v, err
}

func (z *remoteZone) GetStale(ctx context.Context, dst, key []byte) (v zone.Value, stale bool, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		v, stale, err = z.store.GetStale(ctx, dst, key)
		return err
	})
	return v, stale, err
}

func (z *remoteZone) Set(ctx context.Context, mode zone.Mode, key []byte, v zone.Value, ttl time.Duration) (forcible bool, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		forcible, err = z.store.Set(ctx, mode, key, v, ttl)
		return err
	})
	return forcible, err
}

func (z *remoteZone) Incr(ctx context.Context, key []byte, delta, init zone.Value, ttl time.Duration) (sum zone.Value, forcible bool, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		sum, forcible, err = z.store.Incr(ctx, key, delta, init, ttl)
		return err
	})
	return sum, forcible, err
}

func (z *remoteZone) Hold(ctx context.Context, key []byte, most int) (n int, ticket uint64, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		n, ticket, err = z.store.Hold(ctx, key, most)
		return err
	})
	return n, ticket, err
}

func (z *remoteZone) Release(ctx context.Context, key []byte, ticket uint64) error {
	return z.wait(ctx, func(ctx context.Context) error { return z.store.Release(ctx, key, ticket) })
}

func (z *remoteZone) CompareAndSwap(ctx context.Context, key []byte, old, new zone.Value, ttl time.Duration) error {
	return z.wait(ctx, func(ctx context.Context) error { return z.store.CompareAndSwap(ctx, key, old, new, ttl) })
}

func (z *remoteZone) Delete(ctx context.Context, key []byte) error {
	return z.wait(ctx, func(ctx context.Context) error { return z.store.Delete(ctx, key) })
}

func (z *remoteZone) TTL(ctx context.Context, key []byte) (ttl time.Duration, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		ttl, err = z.store.TTL(ctx, key)
		return err
	})
	return ttl, err
}

func (z *remoteZone) Expire(ctx context.Context, key []byte, ttl time.Duration) error {
	return z.wait(ctx, func(ctx context.Context) error { return z.store.Expire(ctx, key, ttl) })
}

func (z *remoteZone) Push(ctx context.Context, key []byte, end zone.End, v zone.Value) (n int, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		n, err = z.store.Push(ctx, key, end, v)
		return err
	})
	return n, err
}

func (z *remoteZone) Pop(ctx context.Context, dst, key []byte, end zone.End, room int) (v zone.Value, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		v, err = z.store.Pop(ctx, dst, key, end, room)
		return err
	})
	return v, err
}

func (z *remoteZone) Len(ctx context.Context, key []byte) (n int, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		n, err = z.store.Len(ctx, key)
		return err
	})
	return n, err
}

func (z *remoteZone) Flush(ctx context.Context) (n int, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		n, err = z.store.Flush(ctx)
		return err
	})
	return n, err
}

func (z *remoteZone) FlushExpired(ctx context.Context, max int) (n int, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		n, err = z.store.FlushExpired(ctx, max)
		return err
	})
	return n, err
}

func (z *remoteZone) Keys(ctx context.Context, dst []byte, max int) (keys []byte, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		keys, err = z.store.Keys(ctx, dst, max)
		return err
	})
	return keys, err
}

func (z *remoteZone) Info(ctx context.Context) (info zone.Info, err error) {
	err = z.wait(ctx, func(ctx context.Context) error {
		info, err = z.store.Info(ctx)
		return err
	})
	return info, err
}

package host_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"phasm/plugins/host"
	"phasm/plugins/zone"
)

// silent is a store somewhere else that never answers.
type silent struct{}

func (silent) wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (s silent) Get(ctx context.Context, _, _ []byte) (zone.Value, error) {
	return zone.Value{}, s.wait(ctx)
}
func (s silent) GetStale(ctx context.Context, _, _ []byte) (zone.Value, bool, error) {
	return zone.Value{}, false, s.wait(ctx)
}
func (s silent) Set(ctx context.Context, _ zone.Mode, _ []byte, _ zone.Value, _ time.Duration) (bool, error) {
	return false, s.wait(ctx)
}
func (s silent) Incr(ctx context.Context, _ []byte, _, _ zone.Value, _ time.Duration) (zone.Value, bool, error) {
	return zone.Value{}, false, s.wait(ctx)
}
func (s silent) Hold(ctx context.Context, _ []byte, _ int) (int, uint64, error) {
	return 0, 0, s.wait(ctx)
}
func (s silent) Release(ctx context.Context, _ []byte, _ uint64) error { return s.wait(ctx) }
func (s silent) CompareAndSwap(ctx context.Context, _ []byte, _, _ zone.Value, _ time.Duration) error {
	return s.wait(ctx)
}
func (s silent) Delete(ctx context.Context, _ []byte) error { return s.wait(ctx) }
func (s silent) TTL(ctx context.Context, _ []byte) (time.Duration, error) {
	return 0, s.wait(ctx)
}
func (s silent) Expire(ctx context.Context, _ []byte, _ time.Duration) error { return s.wait(ctx) }
func (s silent) Push(ctx context.Context, _ []byte, _ zone.End, _ zone.Value) (int, error) {
	return 0, s.wait(ctx)
}
func (s silent) Pop(ctx context.Context, _, _ []byte, _ zone.End, _ int) (zone.Value, error) {
	return zone.Value{}, s.wait(ctx)
}
func (s silent) Len(ctx context.Context, _ []byte) (int, error)            { return 0, s.wait(ctx) }
func (s silent) Flush(ctx context.Context) (int, error)                    { return 0, s.wait(ctx) }
func (s silent) FlushExpired(ctx context.Context, _ int) (int, error)      { return 0, s.wait(ctx) }
func (s silent) Keys(ctx context.Context, _ []byte, _ int) ([]byte, error) { return nil, s.wait(ctx) }
func (s silent) Info(ctx context.Context) (zone.Info, error)               { return zone.Info{}, s.wait(ctx) }

// On a false clock: whatever a guest asks a store that is silent, it waits for
// no longer than its call may last, or its client is there, and the wait is not
// its own time.
func TestSilentZone(t *testing.T) {
	value := "\x01v"
	for name, args := range map[string][]any{
		"zone_get": {0, "k", 0}, "zone_set": {0, 0, "k", value, forever}, "zone_incr": {0, "k", integer(1), "", forever},
		"zone_cas": {0, "k", value, value, forever}, "zone_delete": {0, "k"}, "zone_ttl": {0, "k"}, "zone_expire": {0, "k", forever},
		"zone_push": {0, "k", 0, value}, "zone_pop": {0, "k", 0}, "zone_len": {0, "k"}, "zone_flush": {0, 0, 0}, "zone_keys": {0, 10},
		"zone_info": {0}, "zone_hold": {0, "k", 1},
	} {
		for _, test := range []struct {
			name        string
			until, gone time.Duration
			want        int64
			most        time.Duration
		}{
			{"deadline", time.Minute, 0, timeout, time.Minute},
			{"client gone", time.Hour, 30 * time.Second, closed, 31 * time.Second},
		} {
			t.Run(name+" "+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGuest(t)
					given := grants(g.sender)
					given.Zones[0].Store = host.RemoteZone(silent{})
					g.call.Plugin = host.NewPlugin("p", nil, given, g.call.Plugin.Log, g.registry)
					begin := time.Now()
					g.call.Until = begin.Add(test.until)
					if test.gone > 0 {
						g.call.Exchange.Wire.(*wire).gone = begin.Add(test.gone)
					}
					g.want(test.want, name, args...)
					if took := time.Since(begin); took > test.most || took != g.call.Blocked {
						t.Errorf("it took %v, %v of it blocked", took, g.call.Blocked)
					}
				})
			})
		}
	}
}

package zone_test

import (
	"testing"
	"time"

	"phasm/plugins/zone"
	"phasm/plugins/zone/zonetest"
)

func memory(_ testing.TB, size int64) (zone.Store, func(time.Duration)) {
	now := int64(1)
	return zone.NewWithClock(size, func() int64 { return now }), func(d time.Duration) { now += int64(d) }
}

func TestStore(t *testing.T)        { zonetest.Run(t, memory) }
func TestBoundedStore(t *testing.T) { zonetest.RunBounded(t, memory) }

// TestRealClock runs what needs no long wait on the clock that servers use.
func TestRealClock(t *testing.T) {
	z := zone.New(zone.MinSize)
	if _, err := z.Set(t.Context(), zone.Set, []byte("k"), zone.IntOf(1), time.Hour); err != nil {
		t.Fatal(err)
	}
	if ttl, err := z.TTL(t.Context(), []byte("k")); err != nil || ttl > time.Hour+time.Millisecond || ttl < time.Hour-time.Minute {
		t.Errorf("the TTL is %v, %v", ttl, err)
	}
}

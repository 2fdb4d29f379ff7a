package deadline

import (
	"testing"
	"time"
)

func TestMove(t *testing.T) {
	for _, test := range []struct {
		old, now, d time.Duration
		changed     bool
	}{
		{0, 0, 80, true},
		{0, 1000, 80, true},
		{1080, 1000, 80, false},
		{1080, 1010, 80, false},
		{1080, 1011, 80, true},
		{1080, 1200, 80, true}, // it has passed
		{1081, 1000, 80, true}, // it would be too late
		{1080, 1000, 40, true},
		{1080, 1000, -1, true}, // over already
	} {
		by, changed := Move(test.old, test.now, test.d)
		if by != test.now+test.d || changed != test.changed {
			t.Errorf("%+v: got %d, %v", test, by, changed)
		}
	}
}

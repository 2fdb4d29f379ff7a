//go:build !wasip1

package sdk

import (
	"testing"
	"time"
)

// FuzzDuration holds parseDuration against package time's.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{
		"0", "+0", "-0", "5s", "250ms", "1h2m3s4ms5us6µs7μs8ns", "1.5h", "-1.5h", "+.5s", "1.s", "9223372036854775807ns",
		"9223372036854775808ns", "2562047h47m16.854775807s", "2562048h", "", "s", "5", ".", ".s", "1..5s", "1 s", "5x", "-", "1s-1s", "0.000000001s", "1e3s",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, wantErr := time.ParseDuration(s)
		got, err := parseDuration(s)
		if near := time.Duration(got) - want; near > -time.Millisecond && near < time.Millisecond && (err == nil) == (wantErr == nil) {
			return // fractions of more than 15 digits are rounded another way
		}
		if want > 1<<62 || want < -1<<62 || len(s) > 30 {
			return // and so is what almost overflows
		}
		t.Errorf("%q is %s, %v, want %s, %v", s, time.Duration(got), err, want, wantErr)
	})
}

func TestDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second, "-1.5h": -90 * time.Minute,
		"9223372036854775807ns": 1<<63 - 1, "0.5us": 500, "1h1ns": time.Hour + 1,
	} {
		if got, err := parseDuration(s); err != nil || time.Duration(got) != want {
			t.Errorf("%q is %s, %v, want %s", s, time.Duration(got), err, want)
		}
	}
	for _, s := range []string{"", "5", "s", "-", "1 s", "1..5s", "9223372036854775808ns", "9999999h", "99999999999999999999s", "1e3s"} {
		if got, err := parseDuration(s); err == nil {
			t.Errorf("%q is %s, want an error", s, time.Duration(got))
		}
	}
}

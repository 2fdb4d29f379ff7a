package config

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	tests := []struct {
		value any
		want  Size
		text  string
	}{
		{"10MiB", 10 << 20, "10MiB"},
		{"16KiB", 16 << 10, "16KiB"},
		{"1GiB", 1 << 30, "1GiB"},
		{"1GB", 1e9, "1GB"},
		{"3MB", 3e6, "3MB"},
		{"1KB", 1000, "1KB"},
		{"512B", 512, "512B"},
		{"512", 512, "512B"},
		{"0", 0, "0B"},
		{int64(0), 0, "0B"},
		{int64(1024), 1024, "1KiB"},
		{int64(math.MaxInt64), math.MaxInt64, "9223372036854775807B"},
		{"8589934591GiB", 8589934591 << 30, "8589934591GiB"},
	}
	for _, test := range tests {
		var got Size
		if err := got.parse(test.value); err != nil || got != test.want || got.String() != test.text {
			t.Errorf("%v: got %d = %s, %v; want %d = %s", test.value, got, got, err, test.want, test.text)
		}
	}
	bad := []struct {
		value   any
		message string
	}{
		{"", "is not a size"}, {"MiB", "is not a size"}, {"10M", "is not a size"},
		{"10mib", "is not a size"}, {"10 MiB", "is not a size"}, {"1.5MiB", "is not a size"},
		{"-1B", "is not a size"}, {"+1B", "is not a size"}, {"1_0B", "is not a size"}, {"MiB10", "is not a size"},
		{int64(-1), "negative"}, {1.5, "not the float 1.5"}, {true, "not the boolean true"},
		{"8589934592GiB", "larger than any size"}, {"99999999999999999999B", "larger than any size"},
	}
	for _, test := range bad {
		size := Size(7)
		if err := size.parse(test.value); err == nil || !strings.Contains(err.Error(), test.message) || size != 7 {
			t.Errorf("%v: got %d, %v; want an error with %q", test.value, size, err, test.message)
		}
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		value string
		want  time.Duration
		text  string
	}{
		{"250ms", 250 * time.Millisecond, "250ms"},
		{"1h30m", 90 * time.Minute, "1h30m"},
		{"65s", 65 * time.Second, "1m5s"},
		{"60s", time.Minute, "1m"},
		{"10s", 10 * time.Second, "10s"},
		{"60m", time.Hour, "1h"},
		{"1h10s", time.Hour + 10*time.Second, "1h0m10s"},
		{"0s", 0, "0s"},
	}
	for _, test := range tests {
		var got Duration
		if err := got.parse(test.value); err != nil || got != Duration(test.want) || got.String() != test.text {
			t.Errorf("%v: got %d = %s, %v; want %d = %s", test.value, got, got, err, test.want, test.text)
		}
		var again Duration
		if err := again.parse(got.String()); err != nil || again != got {
			t.Errorf("%s reads back as %v, %v", got, again, err)
		}
	}
	bad := []struct {
		value   any
		message string
	}{
		{int64(30), `30 has no unit; write "30s"`}, {1.5, `1.5 has no unit; write "1.5s"`},
		{"30", `"30" has no unit; write "30s"`}, {"-1s", "negative"}, {"soon", "is not a duration"},
		{"", "is not a duration"}, {"1d", "is not a duration"}, {"99999999h", "is not a duration"},
		{false, "not the boolean false"}, {[]any{}, "not an array"},
	}
	for _, test := range bad {
		span := Duration(7)
		if err := span.parse(test.value); err == nil || !strings.Contains(err.Error(), test.message) || span != 7 {
			t.Errorf("%v: got %d, %v; want an error with %q", test.value, span, err, test.message)
		}
	}
}

func TestCanonicalAddress(t *testing.T) {
	for address, want := range map[string]string{
		":8080": "*:8080", "0.0.0.0:8080": "*:8080", "[::]:08080": "*:8080",
		"127.0.0.1:80": "127.0.0.1:80", "[::ffff:127.0.0.1]:80": "127.0.0.1:80",
		"[0:0::1]:80": "::1:80", "LocalHost:80": "localhost:80", "a-b.c:0": "a-b.c:0",
	} {
		if got, _, err := canonicalAddress(address); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", address, got, err, want)
		}
	}
	for address, want := range map[string]string{
		"": "missing port", "8080": "missing port", "a:b:80": "too many colons",
		"a:": "number from 0", "a:http": "number from 0", "a:65536": "number from 0", "a:-1": "number from 0",
		"a b:80": "the host must be", "http://a:80": "too many colons", "/run/x:80": "the host must be",
	} {
		if got, _, err := canonicalAddress(address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v; want an error with %q", address, got, err, want)
		}
	}
}

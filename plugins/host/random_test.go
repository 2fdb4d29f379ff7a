package host_test

import (
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"phasm/sdk/abi"
)

func TestRandom(t *testing.T) {
	g := newGuest(t)
	seen := map[string]bool{}
	for _, n := range []int{0, 1, 16, 4096, 64 << 10, 64<<10 + 1, 200_000} {
		for range 2 {
			result, b := g.ask("random_bytes", buffer(n))
			if result != int64(n) {
				t.Errorf("random_bytes answers %d for %d", result, n)
			}
			if n >= 16 && (seen[b[:16]] || seen[b[n-16:]]) {
				t.Errorf("bytes come twice")
			}
			if n >= 16 {
				seen[b[:16]], seen[b[n-16:]] = true, true
			}
		}
	}
}

func TestUUID(t *testing.T) {
	g := newGuest(t)
	form := map[int]*regexp.Regexp{
		4: regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
		7: regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	}
	for version, form := range form {
		var all []string
		for range 1000 {
			_, id := g.ask("uuid", version, buffer(36))
			if !form.MatchString(id) {
				t.Fatalf("a UUID of version %d is %q", version, id)
			}
			all = append(all, id)
		}
		if version == 7 && !slices.IsSorted(all) {
			t.Errorf("UUIDs of version 7 do not sort by time: %q", all)
		}
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != 1000 {
			t.Errorf("%d of 1000 UUIDs are different", n)
		}
	}
	g.call.Phase = abi.Init
	g.want(36, "uuid", 4)
	for _, version := range []int{-1, 0, 1, 5, 6, 8, 4 + 256} {
		g.want(badArgument, "uuid", version)
	}
	if n, text := g.ask("uuid", 7, buffer(35)); n != 36 || text != "" {
		t.Errorf("with room for 35 bytes it answers %d and writes %q", n, text)
	}
}

// The first 48 bits of version 7 are the milliseconds since 1970.
func TestUUIDHasTheTime(t *testing.T) {
	g := newGuest(t)
	before := time.Now().UnixMilli()
	_, id := g.ask("uuid", 7, buffer(36))
	after := time.Now().UnixMilli()
	var at int64
	for _, c := range id[:8] + id[9:13] {
		digit := int64(c - '0')
		if c >= 'a' {
			digit = int64(c-'a') + 10
		}
		at = at<<4 | digit
	}
	if at < before || at > after {
		t.Errorf("%s says %d, made between %d and %d", id, at, before, after)
	}
}

// Instances of a plugin draw at the same time, and none what another has drawn.
func TestUUIDsAreUnique(t *testing.T) {
	first := newGuest(t)
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 {
		g := newGuest(t)
		g.call.Plugin = first.call.Plugin
		wg.Go(func() {
			for range 500 {
				_, id := g.ask("uuid", 7, buffer(36))
				mu.Lock()
				if seen[id[:18]] { // the time alone
					t.Errorf("two UUIDs begin with %s", id[:18])
				}
				seen[id[:18]] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

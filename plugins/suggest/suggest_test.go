package suggest

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	candidates := []string{"hello", "auth", "static", "header_filter", "to", "log", "p"}
	for word, want := range map[string]string{
		"helo": "hello", "hlelo": "hello", "HELLO": "hello", "hello": "",
		"statik": "static", "headerfilter": "header_filter", "header-filters": "header_filter",
		"ot": "to", "lag": "log", "xyz": "", "": "", "x": "", "auht": "auth", "authentication": "",
		strings.Repeat("h", 1<<20): "",
	} {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

package host_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestBase64(t *testing.T) {
	g := newGuest(t)
	for kind, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		for _, data := range []string{"", "\xfb", "\xfb\xff", "\xfb\xff\xbf", strings.Repeat("\xfb\xff\xbf\x00", 40_000)} {
			encoded := e.EncodeToString([]byte(data))
			g.wantText(encoded, "base64_encode", kind, data)
			g.wantText(data, "base64_decode", kind, encoded)
		}
	}
	for kind, texts := range [][]string{
		{"+w", "-w==", "+w=", "+w==\n", "+x==", "+w==+", "a", "=", "+/\r\n+/"}, {"+w==", "-w", "+x"}, {"+w==", "-w", "-x=="}, {"-w==", "+w", "-x"},
	} {
		for _, text := range texts {
			g.want(badArgument, "base64_decode", kind, text)
		}
	}
	// Padding in the middle, where the host goes from one piece to the next.
	long := strings.Repeat("AAAA", 16<<10-1) + "+w=="
	g.want(badArgument, "base64_decode", 0, long+"AAAA")
	g.want(badArgument, "base64_decode", 0, strings.Repeat("AAAA", 17<<10)+"\n")
	g.want(3*(16<<10-1)+1, "base64_decode", 0, long)
	for _, kind := range []int{-1, 4, 1 << 30} {
		g.want(badArgument, "base64_encode", kind, "abc")
		g.want(badArgument, "base64_decode", kind, "abcd")
	}
}

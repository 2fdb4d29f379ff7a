package static

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRange(t *testing.T) {
	d, _ := fixture(t, site)
	for _, c := range []struct {
		path, header string
		status       int
		body, part   string
	}{
		{"a.txt", "bytes=0-3", 206, "0123", "bytes 0-3/10"},
		{"a.txt", "Bytes=3-3", 206, "3", "bytes 3-3/10"},
		{"a.txt", "bytes=7-", 206, "789", "bytes 7-9/10"},
		{"a.txt", "bytes=7-99999999999999999999999", 206, "789", "bytes 7-9/10"},
		{"a.txt", "bytes=-3", 206, "789", "bytes 7-9/10"},
		{"a.txt", "bytes=-99999999999999999999999", 206, "0123456789", "bytes 0-9/10"},
		{"a.txt", "bytes= 0-3 ", 206, "0123", "bytes 0-3/10"},
		{"a.txt", "bytes=0-0,5-6", 200, "0123456789", ""},
		{"a.txt", "bytes=0-0,nonsense", 200, "0123456789", ""},
		{"a.txt", "lines=0-3", 200, "0123456789", ""},
		{"a.txt", "0-3", 200, "0123456789", ""},
		{"a.txt", "bytes=10-", 416, "-", "bytes */10"},
		{"a.txt", "bytes=99999999999999999999999-", 416, "-", "bytes */10"},
		{"a.txt", "bytes=-0", 416, "-", "bytes */10"},
		{"a.txt", "bytes=-", 416, "-", "bytes */10"},
		{"a.txt", "bytes=", 416, "-", "bytes */10"},
		{"a.txt", "bytes=5", 416, "-", "bytes */10"},
		{"a.txt", "bytes=5-2", 416, "-", "bytes */10"},
		{"a.txt", "bytes=1-x", 416, "-", "bytes */10"},
		{"a.txt", "bytes=--3", 416, "-", "bytes */10"},
		{"a.txt", "bytes=+1-3", 416, "-", "bytes */10"},
		{"empty.txt", "bytes=0-", 200, "", ""},
		{"empty.txt", "bytes=-5", 200, "", ""},
		{"big.bin", "bytes=16-31", 206, "0123456789abcdef", "bytes 16-31/65536"},
		{"big.bin", "bytes=17-40000", 206, string(big[17:40001]), "bytes 17-40000/65536"},
		{"big.bin", "bytes=-20000", 206, string(big[65536-20000:]), "bytes 45536-65535/65536"},
	} {
		r := get(t, d, c.path, "Range: "+c.header)
		r.expect(t, c.header, c.status, c.body, "Content-Range: "+c.part)
		if r.StatusCode != 416 {
			r.expect(t, c.header, c.status, "-", "Accept-Ranges: bytes")
		}
	}
	serve(t, d, "HEAD", "/a.txt", "a.txt", "Range: bytes=0-3").expect(t, "HEAD", 200, "", "Content-Range:", "Content-Length: 10")
}

func TestIfRange(t *testing.T) {
	d, _ := fixture(t, site)
	for validator, status := range map[string]int{
		etagOf10:           206,
		"W/" + etagOf10:    200,
		`"x"`:              200,
		date(0):            206,
		date(time.Second):  200,
		date(-time.Second): 200,
		"nonsense":         200,
	} {
		get(t, d, "a.txt", "Range: bytes=0-3", "If-Range: "+validator).expect(t, validator, status, "-")
	}
	// A range that cannot be satisfied does not count either.
	get(t, d, "a.txt", "Range: bytes=99-", `If-Range: "x"`).expect(t, "416", 200, "0123456789")
}

// FuzzRange wants a part of the file or none, and the one that net/http finds.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-3", "bytes=-3", "bytes=5-", "bytes=1-2,3-4", "bytes=9223372036854775808-", "BYTES=1-"} {
		f.Add(s, uint16(10))
	}
	f.Fuzz(func(t *testing.T, header string, size16 uint16) {
		size := int64(size16)
		part, status := parseRange([]byte(header), size)
		switch status {
		case http.StatusOK:
			if part != (byteRange{0, size}) {
				t.Fatalf("%q of %d: 200 for %v", header, size, part)
			}
		case http.StatusPartialContent:
			if part.start < 0 || part.length <= 0 || part.start+part.length > size {
				t.Fatalf("%q of %d: %v is no part", header, size, part)
			}
		case http.StatusRequestedRangeNotSatisfiable:
			if part != (byteRange{}) {
				t.Fatalf("%q of %d: 416 for %v", header, size, part)
			}
		default:
			t.Fatalf("%q: status %d", header, status)
		}
		// What is left is what both are meant to read alike.
		spec, ok := strings.CutPrefix(header, "bytes=")
		if !ok || size == 0 || strings.Trim(spec, "0123456789-") != "" || len(spec) > 18 || spec == "" || strings.Trim(spec, "-0") == "" {
			return
		}
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("Range", header)
		http.ServeContent(rec, req, "x.bin", modified, bytes.NewReader(make([]byte, size)))
		if rec.Code != status {
			t.Fatalf("%q of %d: %d, net/http says %d", header, size, status, rec.Code)
		}
		if want := rec.Header().Get("Content-Range"); status == 206 && string(part.appendContentRange(nil, size)) != want {
			t.Fatalf("%q of %d: %v, net/http says %s", header, size, part, want)
		}
	})
}

package static

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func date(d time.Duration) string { return modified.Add(d).UTC().Format(http.TimeFormat) }

func TestConditions(t *testing.T) {
	d, _ := fixture(t, site)
	same, older, newer := date(0), date(-time.Second), date(time.Hour)
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-None-Match: " + etagOf10}, 304},
		{[]string{"If-None-Match: W/" + etagOf10}, 304},
		{[]string{`If-None-Match: "x", W/"y" ,, ` + etagOf10}, 304},
		{[]string{"If-None-Match: *"}, 304},
		{[]string{`If-None-Match: "x"`}, 200},
		{[]string{`If-None-Match: "x" ` + etagOf10[1:]}, 200},
		{[]string{"If-None-Match: 65000000-a"}, 200},
		{[]string{"If-None-Match: \"65000000-a"}, 200},
		{[]string{"If-None-Match: W/"}, 200},
		{[]string{`If-None-Match: "x"`, "If-Modified-Since: " + newer}, 200},
		{[]string{"If-None-Match: " + etagOf10, "If-Modified-Since: " + older}, 304},
		{[]string{"If-Modified-Since: " + same}, 304},
		{[]string{"If-Modified-Since: " + newer}, 304},
		{[]string{"If-Modified-Since: " + older}, 200},
		{[]string{"If-Modified-Since: " + modified.UTC().Format(time.RFC850)}, 304},
		{[]string{"If-Modified-Since: " + modified.UTC().Format(time.ANSIC)}, 304},
		{[]string{"If-Modified-Since: yesterday"}, 200},
		{[]string{"If-Match: *"}, 200},
		{[]string{"If-Match: " + etagOf10}, 200},
		{[]string{"If-Match: W/" + etagOf10}, 412},
		{[]string{`If-Match: "x", W/` + etagOf10 + `, ` + etagOf10}, 200},
		{[]string{`If-Match: "x"`}, 412},
		{[]string{`If-Match: "x"`, "If-Match: " + etagOf10}, 200},
		{[]string{`If-Match: "x"`, `If-Match: "y"`}, 412},
		{[]string{`If-None-Match: "x"`, "If-None-Match: " + etagOf10}, 304},
		{[]string{"If-Match: nonsense"}, 412},
		{[]string{"If-Match: " + etagOf10, "If-Unmodified-Since: " + older}, 200},
		{[]string{"If-Unmodified-Since: " + same}, 200},
		{[]string{"If-Unmodified-Since: " + older}, 412},
		{[]string{"If-Unmodified-Since: yesterday"}, 200},
		{[]string{`If-Match: "x"`, "If-None-Match: *"}, 412},
		{[]string{"If-None-Match: *", "Range: bytes=0-1"}, 304},
		{[]string{`If-Match: "x"`, "Range: bytes=99-"}, 412},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := serve(t, d, method, "/a.txt", "a.txt", c.headers...)
			what := fmt.Sprint(method, c.headers)
			switch {
			case c.status == 304:
				r.expect(t, what, 304, "", "ETag: "+etagOf10, "Last-Modified: "+same, "Vary: Accept-Encoding",
					"Content-Length:", "Content-Type:", "Accept-Ranges:")
			case c.status == 412 && method == "GET":
				r.expect(t, what, 412, "412 Precondition Failed\n", "ETag:")
			case c.status == 200 && method == "GET":
				r.expect(t, what, 200, "0123456789", "ETag: "+etagOf10)
			default:
				r.expect(t, what, c.status, "")
			}
		}
	}
}

// TestAgreesWithServeContent compares the outcome of random headers with that of
// net/http, leaving out what this package does otherwise on purpose.
func TestAgreesWithServeContent(t *testing.T) {
	files := map[string][]byte{"small.txt": []byte("0123456789"), "empty.txt": nil, "big.txt": big}
	contents := map[string]string{}
	for name, content := range files {
		contents[name] = string(content)
	}
	d, _ := fixture(t, contents)
	etags := map[string]string{
		"small.txt": etagOf10, "empty.txt": `"65000000-0"`, "big.txt": `"65000000-10000"`,
	}
	seen := map[int]int{}
	for seed := range uint64(6000) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		pick := func(choices ...string) string { return choices[rnd.IntN(len(choices))] }
		name := pick("small.txt", "empty.txt", "big.txt")
		etag := etags[name]
		tags := []string{"", "", "", etag, "W/" + etag, `"x"`, "*", `"x", ` + etag, `"x" ,W/"y",`, "bad", `"open`, ","}
		dates := []string{"", "", "", date(0), date(-time.Second), date(time.Second), "bad",
			modified.UTC().Format(time.RFC850), modified.UTC().Format(time.ANSIC)}
		number := func() string {
			return pick("", "0", "1", "5", "9", "10", "11", "65535", "65536", "20000", "x", "007")
		}
		method, headers := "GET", map[string]string{
			"If-Match":            pick(tags...),
			"If-Unmodified-Since": pick(dates...),
			"If-None-Match":       pick(tags...),
			"If-Modified-Since":   pick(dates...),
			"Range":               pick("", "bytes="+number()+"-"+number()),
			"If-Range":            pick("", "", "", etag, "W/"+etag, `"x"`, date(0), date(time.Second), "bad"),
		}
		if r := headers["Range"]; r == "bytes=-0" || name == "empty.txt" && r != "" && r != "bytes=0-" {
			continue // net/http answers with a part of no bytes, and reads ranges of empty files
		}
		if headers["Range"] == "" && rnd.IntN(4) == 0 {
			method = "HEAD"
		}

		want := httptest.NewRecorder()
		want.Header().Set("ETag", etag)
		req := httptest.NewRequest(method, "/"+name, nil)
		var lines []string
		for name, value := range headers {
			if value != "" {
				req.Header.Set(name, value)
				lines = append(lines, name+": "+value)
			}
		}
		http.ServeContent(want, req, name, modified, bytes.NewReader(files[name]))
		got := serve(t, d, method, "/"+name, name, lines...)

		seen[got.StatusCode]++
		if got.StatusCode != want.Code {
			t.Fatalf("%s %s %q: status %d, want %d", method, name, lines, got.StatusCode, want.Code)
		}
		if got.StatusCode < 300 && got.body != want.Body.String() {
			t.Fatalf("%s %s %q: body %.40q, want %.40q", method, name, lines, got.body, want.Body)
		}
		for _, h := range []string{"Content-Range", "Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"} {
			if got.StatusCode >= 300 {
				break // the texts differ, and so do the headers that net/http removes
			}
			if got, want := got.Header.Get(h), want.Header().Get(h); got != want {
				t.Fatalf("%s %s %q: %s: %q, want %q", method, name, lines, h, got, want)
			}
		}
	}
	for _, status := range []int{200, 206, 304, 412, 416} {
		if seen[status] < 50 {
			t.Errorf("only %d of the answers were %d", seen[status], status)
		}
	}
}

func FuzzMatches(f *testing.F) {
	f.Add(`"a", W/"b"`)
	f.Add(etagOf10 + ",*")
	f.Add(`W/"`)
	f.Fuzz(func(t *testing.T, list string) {
		strong := matches([]byte(list), []byte(etagOf10), false)
		weak := matches([]byte(list), []byte(etagOf10), true)
		if strong && !weak {
			t.Errorf("%q matches only strongly", list)
		}
		if !matches([]byte(`"x",`+etagOf10+list), []byte(etagOf10), false) {
			t.Errorf("%q hides the tag before it", list)
		}
	})
}

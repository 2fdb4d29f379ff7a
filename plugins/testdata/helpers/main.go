// Package main is a guest that does things by itself and by the host, to
// compare.
package main

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"regexp"
	"strings"

	"phasm/sdk"
)

func init() {
	sdk.Access(choose)
	sdk.Content(func(*sdk.Request) sdk.Action {
		work()
		return sdk.Final
	})
}

func main() {}

// work is what content does; the path has chosen it.
var work func()

func choose(r *sdk.Request) sdk.Action {
	work = works[r.Path()]
	if work == nil {
		return r.Exit(404)
	}
	return sdk.Continue
}

var (
	patterns = []string{`(?i)union.*select`, `(?i)or.*1=1`, `(?i)<script`, `(?i)javascript:`}
	inGuest  []*regexp.Regexp
	byHost   []*sdk.Regexp
	together = sdk.MustCompileSet(patterns...)

	query  = "q=winter+boots+for+children&page=2&sort=price&color=red&size=38"
	body   = strings.Repeat("The quick brown fox jumps over the lazy dog, said the author. ", 300)[:16<<10]
	attack = body[:8<<10] + "1 UNION ALL SELECT password" + body[8<<10:]

	works = map[string]func(){}
	dst   = make([]byte, 0, 64<<10)
	found bool
	key   = []byte("a secret of 32 bytes, more or less")
)

func init() {
	for _, p := range patterns {
		inGuest = append(inGuest, regexp.MustCompile(p))
		byHost = append(byHost, sdk.MustCompile(p))
	}
	for name, text := range map[string]string{"query": query, "body": body, "attack": attack} {
		works["/guest/waf-"+name] = func() {
			for _, re := range inGuest {
				found = re.MatchString(text)
			}
		}
		works["/host/waf-"+name] = func() {
			for _, re := range byHost {
				found = re.Match(text)
			}
		}
		works["/set/waf-"+name] = func() { _, found = together.Match(text) }
	}
	for name, size := range map[string]int{"32": 32, "1024": 1 << 10, "4096": 4 << 10, "16384": 16 << 10} {
		data := []byte(body[:size])
		encoded := base64.StdEncoding.EncodeToString(data)
		works["/guest/sha256-"+name] = func() { sha256.Sum256(data) }
		works["/host/sha256-"+name] = func() { sdk.SHA256(data) }
		works["/guest/md5-"+name] = func() { md5.Sum(data) }
		works["/host/md5-"+name] = func() { sdk.MD5(data) }
		works["/guest/crc32-"+name] = func() { crc32.ChecksumIEEE(data) }
		works["/host/crc32-"+name] = func() { sdk.CRC32(data) }
		works["/guest/hmac-sha1-"+name] = func() {
			h := hmac.New(sha1.New, key)
			h.Write(data)
			h.Sum(dst)
		}
		works["/host/hmac-sha1-"+name] = func() { sdk.HMACSHA1(key, data) }
		works["/guest/base64-encode-"+name] = func() { base64.StdEncoding.AppendEncode(dst, data) }
		works["/host/base64-encode-"+name] = func() { sdk.Base64.AppendEncode(dst, data) }
		works["/guest/base64-decode-"+name] = func() { base64.StdEncoding.Decode(dst[:cap(dst)], []byte(encoded)) }
		works["/host/base64-decode-"+name] = func() { sdk.Base64.AppendDecode(dst, encoded) }
	}
}

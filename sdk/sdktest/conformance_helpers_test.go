//go:build !wasip1

package sdktest_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"phasm/sdk"
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
	"phasm/sdk/sdktest"
)

func TestRegexes(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Init, func(_ *sdk.Request, out *record) {
		buf := make([]byte, 1<<10)
		answer := func(n int32) string { return fmt.Sprintf("%d %q", n, buf[:max(0, min(int(n), len(buf)))]) }
		patterns := [][2]string{{"a", ""}, {"a", "i"}, {"a", ""}, {"(", ""}, {"(", ""}, {"a", "j"}, {"a", "ii"}, {"a", "i)"}, {`(?P<one>\w)(b)?`, ""},
			{"", ""}, {"^a|b$", "m"}, {".", "s"}, {"a+", "U"}, {`\bo`, ""}, {strings.Repeat("a", 8<<10+1), ""}}
		for _, p := range patterns {
			out.add("compile", imports.RegexCompile(p[0], p[1]))
		}
		for id := int32(-1); id < 10; id++ {
			out.add("names", id, answer(imports.RegexNames(id, buf)))
			for _, text := range []string{"", "a", "AbA", "banana", "a\nb\n", "one two", "\xffa\xc3", "xyz"} {
				out.add("match", imports.RegexMatch(id, text))
				out.add("find", answer(imports.RegexFind(id, text, buf)), imports.RegexFind(id, text, nil))
				for _, limit := range []int32{-1, 0, 1, 2} {
					out.add("find all", answer(imports.RegexFindAll(id, text, limit, buf)))
					for _, template := range []string{"", "-", "$0$0", "$1", "${one}", "$$", "$", "${}", "${0}", "$01", "$2x", "${two}", "a${", "${-1}", "$3", "ä$0ö"} {
						out.add("replace "+template, answer(imports.RegexReplace(id, text, template, limit, buf)))
					}
				}
			}
		}
		out.add("large", imports.RegexReplace(4, strings.Repeat("a", 20_000), strings.Repeat("x", 1000), -1, nil))
	}}, step{abi.Log, func(_ *sdk.Request, out *record) {
		for i := range 1010 {
			out.add("full", imports.RegexCompile(fmt.Sprint("number ", i), ""))
		}
		for i := range 100 {
			out.add("malformed", imports.RegexCompile(fmt.Sprint("(", i), ""))
		}
	}})
}

func TestRegexSets(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Init, func(_ *sdk.Request, out *record) {
		list := func(patterns ...string) string {
			var b []byte
			for _, p := range patterns {
				b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
				b = append(b, p...)
			}
			return string(b)
		}
		for _, set := range []string{list("a", "b"), list("b", "a"), list("a", "b"), "", list(""), list("(?i)A|x", "^b", `\bo`), list("a", "("), list("a", "("),
			"\x01", "\x02\x00\x00\x00a", list(strings.Repeat("a", 8<<10+1)), strings.Repeat("\x00", 4004), strings.Repeat("\x00", 4000), strings.Repeat("x", 256<<10+1)} {
			out.add("compile", imports.RegexSetCompile(set))
		}
		for id := int32(-1); id < 8; id++ {
			for _, text := range []string{"", "a", "AbA", "banana", "b\na", "one two", "\xffa\xc3", "xyz"} {
				out.add("match", imports.RegexSetMatch(id, text))
			}
		}
		for i := range 1010 {
			out.add("full", imports.RegexSetCompile(list("a", fmt.Sprint("number ", i/2))), imports.RegexCompile(fmt.Sprint("number ", i), ""))
		}
	}})
}

func TestHashes(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		buf := make([]byte, 64)
		for _, name := range []string{"md5", "sha1", "sha256", "sha384", "sha512", "crc32", "", "MD5", "sha224"} {
			for _, data := range []string{"", "abc", strings.Repeat("x", 100_000)} {
				n := imports.Hash(name, data, buf)
				out.add("hash", name, n, fmt.Sprintf("%x", buf[:max(0, n)]), imports.Hash(name, data, buf[:3]))
				for _, key := range []string{"", "key", strings.Repeat("k", 65), strings.Repeat("k", 200)} {
					n := imports.Hmac(name, key, data, buf)
					out.add("hmac", name, n, fmt.Sprintf("%x", buf[:max(0, n)]), imports.Hmac(name, key, data, nil))
				}
			}
		}
		for _, pair := range [][2]string{{"", ""}, {"a", "a"}, {"a", "b"}, {"a", "aa"}} {
			out.add("equal", imports.EqualConstantTime(pair[0], pair[1]))
		}
	}})
}

func TestRandomAndBase64(t *testing.T) {
	conform(t, nil, sdktest.Request{}, step{abi.Access, func(_ *sdk.Request, out *record) {
		buf := make([]byte, 64)
		out.add("random", imports.RandomBytes(nil), imports.RandomBytes(buf))
		for version := int32(-1); version < 10; version++ {
			n := imports.Uuid(version, buf)
			out.add("uuid", version, n, imports.Uuid(version, nil))
			if n > 0 {
				out.add("form", string(buf[14]), strings.ContainsRune("89ab", rune(buf[19])), strings.Count(string(buf[:n]), "-"))
			}
			first := string(buf[:36])
			imports.Uuid(version, buf)
			out.add("order", version == 7 && first < string(buf[:36]))
		}
		for kind := int32(-1); kind < 6; kind++ {
			for _, data := range []string{"", "a", "ab", "abc", "\xfb\xff\xbf"} {
				n := imports.Base64Encode(kind, data, buf)
				out.add("encode", n, string(buf[:max(0, n)]), imports.Base64Encode(kind, data, nil))
			}
			for _, text := range []string{"", "YQ", "YQ==", "YR==", "YWI", "YWI=", "YWJj", "+/+/", "-_-_", "a", "YW\nJj", "YQ=", "====", "YQ==YQ=="} {
				n := imports.Base64Decode(kind, text, buf)
				out.add("decode", text, n, string(buf[:max(0, n)]))
			}
		}
	}})
}

//go:build !wasip1

package sdk_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"hash/crc32"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestHash(t *testing.T) {
	sdktest.New(t, nil)
	data, key := []byte("data"), []byte("key")
	equal(t, "MD5", sdk.MD5(data), md5.Sum(data))
	equal(t, "SHA1", sdk.SHA1(data), sha1.Sum(data))
	equal(t, "SHA256", sdk.SHA256(data), sha256.Sum256(data))
	equal(t, "SHA384", sdk.SHA384(data), sha512.Sum384(data))
	equal(t, "SHA512", sdk.SHA512(nil), sha512.Sum512(nil))
	equal(t, "CRC32", sdk.CRC32(data), crc32.ChecksumIEEE(data))

	sum := func(make func() hash.Hash) string {
		h := hmac.New(make, key)
		h.Write(data)
		return string(h.Sum(nil))
	}
	one, two, three, five := sdk.HMACSHA1(key, data), sdk.HMACSHA256(key, data), sdk.HMACSHA384(key, data), sdk.HMACSHA512(key, data)
	equal(t, "HMACSHA1", string(one[:]), sum(sha1.New))
	equal(t, "HMACSHA256", string(two[:]), sum(sha256.New))
	equal(t, "HMACSHA384", string(three[:]), sum(sha512.New384))
	equal(t, "HMACSHA512", string(five[:]), sum(sha512.New))

	equal(t, "equal", sdk.EqualConstantTime(one[:], one[:]), true)
	equal(t, "equal", sdk.EqualConstantTime(one[:], two[:20]), false)
	equal(t, "equal", sdk.EqualConstantTime(one[:], one[:19]), false)
}

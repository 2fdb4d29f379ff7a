//go:build !wasip1

package sdk_test

import (
	"encoding/base64"
	"testing"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

func TestEncoding(t *testing.T) {
	sdktest.New(t, nil)
	for ours, go64 := range map[sdk.Encoding]*base64.Encoding{
		sdk.Base64: base64.StdEncoding, sdk.Base64Raw: base64.RawStdEncoding,
		sdk.Base64URL: base64.URLEncoding, sdk.Base64RawURL: base64.RawURLEncoding,
	} {
		for _, data := range []string{"", "a", "\xfb\xff\xbf", long} {
			encoded := go64.EncodeToString([]byte(data))
			equal(t, "encoded", ours.Encode([]byte(data)), encoded)
			appended(t, "encoded", encoded, func(dst []byte) ([]byte, error) { return ours.AppendEncode(dst, []byte(data)) })
			decoded, err := ours.Decode(encoded)
			fails(t, "decode", err, nil)
			equal(t, "decoded", string(decoded), data)
			appended(t, "decoded", data, func(dst []byte) ([]byte, error) { return ours.AppendDecode(dst, encoded) })
		}
		decoded, err := ours.Decode("?")
		fails(t, "decode", err, sdk.ErrBadArgument)
		equal(t, "decoded", string(decoded), "")
	}
}

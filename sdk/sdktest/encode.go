//go:build !wasip1

package sdktest

import (
	"encoding/base64"
	"strings"

	"phasm/sdk/abi"
)

// encoding is the base64 of that number, or nil.
func encoding(kind int32) *base64.Encoding {
	return map[int32]*base64.Encoding{
		abi.Base64: base64.StdEncoding, abi.Base64Raw: base64.RawStdEncoding,
		abi.Base64URL: base64.URLEncoding, abi.Base64RawURL: base64.RawURLEncoding,
	}[kind]
}

// Base64Encode implements imports.Host.
func (f *fake) Base64Encode(kind int32, data string, buf []byte) int32 {
	e := encoding(kind)
	if e == nil {
		return badArgument
	}
	return reply(buf, e.EncodeToString([]byte(data)))
}

// Base64Decode implements imports.Host.
func (f *fake) Base64Decode(kind int32, text string, buf []byte) int32 {
	e := encoding(kind)
	if e == nil || strings.ContainsAny(text, "\r\n") {
		return badArgument
	}
	data, err := e.Strict().DecodeString(text)
	if err != nil {
		return badArgument
	}
	return reply(buf, string(data))
}

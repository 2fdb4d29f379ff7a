package sdk

import (
	"phasm/sdk/abi"
	"phasm/sdk/internal/imports"
)

// Encoding is a form of base64 (RFC 4648).
type Encoding int32

// Encodings.
const (
	Base64       Encoding = abi.Base64       // the standard alphabet, with padding
	Base64Raw    Encoding = abi.Base64Raw    // without padding
	Base64URL    Encoding = abi.Base64URL    // the alphabet for URLs and file names, with padding
	Base64RawURL Encoding = abi.Base64RawURL // without padding
)

// Encode is the data in base64 (ngx.encode_base64).
func (e Encoding) Encode(data []byte) string { return text(e.AppendEncode(scratch, data)) }

// AppendEncode appends the data in base64 to dst.
func (e Encoding) AppendEncode(dst, data []byte) ([]byte, error) {
	n := imports.Base64Encode(int32(e), stringOf(data), free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.Base64Encode(int32(e), stringOf(data), free(dst))
	}
	return taken(dst, n)
}

// Decode is what the text stands for (ngx.decode_base64). Anything that Encode
// does not make is [ErrBadArgument].
func (e Encoding) Decode(text string) ([]byte, error) {
	b, err := e.AppendDecode(nil, text)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// AppendDecode appends what the text stands for to dst.
func (e Encoding) AppendDecode(dst []byte, text string) ([]byte, error) {
	n := imports.Base64Decode(int32(e), text, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.Base64Decode(int32(e), text, free(dst))
	}
	return taken(dst, n)
}

package rediszone

import (
	"encoding/binary"
	"testing"

	"phasm/plugins/zone"
)

// What fails within a script is the same error to every version of Redis: up to
// version 6 the words of the command stand behind where it has failed.
func TestErrorsOfScripts(t *testing.T) {
	const (
		wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
		oom       = "OOM command not allowed when used memory > 'maxmemory'."
		in6       = "ERR Error running script (call to f_e5becba52dbf557c9a67e5d618be2cd3ccc70ea1): @user_script:2: "
		in7       = " script: e5becba52dbf557c9a67e5d618be2cd3ccc70ea1, on @user_script:2."
	)
	for text, want := range map[string]error{
		wrongType:                            errWrongType,
		wrongType + in7:                      errWrongType,
		in6 + wrongType:                      errWrongType,
		oom:                                  zone.ErrNoMemory,
		oom + in7:                            zone.ErrNoMemory,
		in6 + "@user_script: 2: -" + oom:     zone.ErrNoMemory,
		in6 + "@user_script: 2: Write":       nil,
		"ERR unknown command: WRONGTYPE a b": nil,
	} {
		_, err := parse(append(binary.LittleEndian.AppendUint32([]byte{'-'}, uint32(len(text))), text...))
		switch {
		case want == nil && err.Error() != "redis: "+text:
			t.Errorf("%q is %q", text, err)
		case want != nil && err != want:
			t.Errorf("%q is %q, want %q", text, err, want)
		}
	}
}

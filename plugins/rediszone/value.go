package rediszone

import (
	"strconv"

	"phasm/plugins/zone"
)

// encode is a value as it stands in Redis. No value is the empty text.
func encode(v zone.Value) string {
	if v.Kind == zone.Int {
		return strconv.FormatInt(v.Int(), 10)
	}
	return string(v.Append(nil))
}

// decode reads a value. One that somebody else has put there is a text.
func decode(dst, b []byte) zone.Value {
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil && strconv.FormatInt(n, 10) == string(b) {
		return zone.IntOf(n)
	}
	v, ok := zone.Parse(b)
	if !ok || v.Kind == zone.None || v.Kind == zone.Int {
		v = zone.TextOf(b)
	}
	if v.Kind == zone.Text {
		v = zone.TextOf(append(dst, v.Text()...)[len(dst):])
	}
	return v
}

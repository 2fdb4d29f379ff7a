package host

import (
	"maps"
	"math"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name  string
		table map[string]any
		want  Config
	}{
		{"none", nil, Config{"": "{}"}},
		{"empty", map[string]any{}, Config{"": "{}"}},
		{"text as it is", map[string]any{"a": "x \"y\"\n"}, Config{"": `{"a":"x \"y\"\n"}`, "a": "x \"y\"\n"}},
		{"empty text", map[string]any{"a": ""}, Config{"": `{"a":""}`, "a": ""}},
		{"numbers", map[string]any{"i": int64(-7), "f": 2.5, "whole": 3.0, "big": int64(math.MaxInt64)},
			Config{"": `{"big":9223372036854775807,"f":2.5,"i":-7,"whole":3}`, "i": "-7", "f": "2.5", "whole": "3", "big": "9223372036854775807"}},
		{"truth", map[string]any{"yes": true, "no": false}, Config{"": `{"no":false,"yes":true}`, "yes": "true", "no": "false"}},
		{"array", map[string]any{"a": []any{"x", int64(1), map[string]any{"b": true}}},
			Config{"": `{"a":["x",1,{"b":true}]}`, "a": `["x",1,{"b":true}]`}},
		{"tables", map[string]any{"a": map[string]any{"b": map[string]any{"c": "x"}, "d": int64(1)}},
			Config{"": `{"a":{"b":{"c":"x"},"d":1}}`, "a": `{"b":{"c":"x"},"d":1}`, "a.b": `{"c":"x"}`, "a.b.c": "x", "a.d": "1"}},
		{"empty table", map[string]any{"a": map[string]any{}}, Config{"": `{"a":{}}`, "a": "{}"}},
	} {
		if got := newConfig(c.table); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// JSON has no such numbers, TOML has.
func TestConfigNumbersWithoutJSON(t *testing.T) {
	got := newConfig(map[string]any{"a": map[string]any{"nan": math.NaN(), "inf": math.Inf(-1)}})
	if got["a.nan"] != "NaN" || got["a.inf"] != "-Inf" {
		t.Errorf("got %q", got)
	}
	if want := `{"a":{"inf":"-Inf","nan":"NaN"}}`; got[""] != want {
		t.Errorf("the whole is %s, want %s", got[""], want)
	}
}

func TestConfigTimes(t *testing.T) {
	at := time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)
	got := newConfig(map[string]any{"at": at, "list": []any{at}, "tables": []map[string]any{{"at": at}}})
	const text = "2026-11-21T08:30:00Z"
	if got["at"] != text || got["list"] != `["`+text+`"]` || got["tables"] != `[{"at":"`+text+`"}]` {
		t.Errorf("got %q", got)
	}
}

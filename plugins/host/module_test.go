package host_test

import (
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"phasm/plugins/host"
)

func TestSignatures(t *testing.T) {
	for name, want := range map[string][2][]string{
		"request_method": {{"i32", "i32"}, {"i32"}},
		"request_start":  {nil, {"i64"}},
		"now":            {nil, {"i64"}},
		"sleep":          {{"i64"}, {"i32"}},
		"query_get":      {{"i32", "i32", "i32", "i32", "i32"}, {"i32"}},
		"metric_series":  {{"i32", "i32", "i32"}, {"i32"}},
		"metric_add":     {{"i32", "i64"}, {"i32"}},
	} {
		f := host.Find(name)
		if f == nil {
			t.Errorf("no function %s", name)
			continue
		}
		params, results := f.Signature()
		if !slices.Equal(params, want[0]) || !slices.Equal(results, want[1]) {
			t.Errorf("%s is %v → %v, want %v → %v", name, params, results, want[0], want[1])
		}
	}
	if host.Find("request_Method") != nil || host.Find("") != nil {
		t.Error("found what does not exist")
	}
	const i32, i64 = api.ValueTypeI32, api.ValueTypeI64
	sleep := host.Find("sleep")
	if !sleep.HasType([]api.ValueType{i64}, []api.ValueType{i32}) {
		t.Error("sleep has not its own type")
	}
	for _, params := range [][]api.ValueType{nil, {i32}, {i64, i64}} {
		if sleep.HasType(params, []api.ValueType{i32}) {
			t.Errorf("sleep has the parameters %v", params)
		}
	}
	if sleep.HasType([]api.ValueType{i64}, nil) || sleep.HasType([]api.ValueType{i64}, []api.ValueType{i64}) {
		t.Error("sleep has another result")
	}
}

// Each function stands in the table once and is one that a guest can import.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range host.Functions() {
		if seen[f.Name] || f.Name == "" || f.Doc == "" || f.Phases == 0 {
			t.Errorf("a bad entry: %+v", f)
		}
		seen[f.Name] = true
		for _, p := range f.Params {
			if p.Name == "" || p.Kind > host.Float {
				t.Errorf("%s: a bad parameter: %+v", f.Name, p)
			}
		}
		if f.Result < host.Length || f.Result > host.Nanoseconds {
			t.Errorf("%s: a bad result: %d", f.Name, f.Result)
		}
	}
}

//go:build !wasip1

package sdk_test

import (
	"errors"
	"testing"
	"time"

	"phasm/sdk"
	"phasm/sdk/sdktest"
)

var config = sdktest.Config{
	"text": "some text", "empty": "", "int": 42, "float": 2.5, "yes": true, "no": false, "ttl": "1m30s",
	"list":  []any{"a", "b,\"c\"]", 3, true, []any{"x", "y"}, map[string]any{"k": "v"}, "ü\n\x01<"},
	"none":  []string{},
	"table": map[string]any{"b": 1, "a.x": "two", "deep": map[string]any{"c": "d"}},
	"long":  long,
}

func TestConfig(t *testing.T) {
	sdktest.New(t, config)
	for key, want := range map[string]string{
		"text": "some text", "empty": "", "int": "42", "float": "2.5", "yes": "true", "missing": "", "none": "[]",
		"table.b": "1", "table.a.x": "two", "table.deep.c": "d", "table.deep": `{"c":"d"}`, "long": long,
	} {
		equal(t, key, sdk.Config(key), want)
	}
	appended(t, "long", long, func(dst []byte) ([]byte, error) { return sdk.AppendConfig(dst, "long") })
	notThere(t, "missing", func(dst []byte) ([]byte, error) { return sdk.AppendConfig(dst, "missing") })
	equal(t, "text", sdk.ConfigOr("text", "else"), "some text")
	equal(t, "empty", sdk.ConfigOr("empty", "else"), "")
	equal(t, "missing", sdk.ConfigOr("missing", "else"), "else")
	equal(t, "empty is there", sdk.HasConfig("empty"), true)
	equal(t, "missing is there", sdk.HasConfig("missing"), false)
}

func TestConfigJSON(t *testing.T) {
	sdktest.New(t, sdktest.Config{"a": 1, "b": map[string]string{"c": "d"}})
	equal(t, "JSON", string(sdk.ConfigJSON()), `{"a":1,"b":{"c":"d"}}`)
	sdktest.New(t, nil)
	equal(t, "JSON", string(sdk.ConfigJSON()), `{}`)
}

// as checks a typed value, or its error.
func as[T comparable](t *testing.T, name string, want T, bad string) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		equal(t, name, got, want)
		message := ""
		if err != nil {
			message = err.Error()
		}
		equal(t, "the error of "+name, message, bad)
	}
}

func TestTypedConfig(t *testing.T) {
	sdktest.New(t, config)
	as(t, "int", 42, "")(sdk.ConfigInt("int", 7))
	as(t, "missing int", 7, "")(sdk.ConfigInt("missing", 7))
	as(t, "bad int", 7, `cannot use config.float = "2.5": it must be a whole number`)(sdk.ConfigInt("float", 7))
	as(t, "float", 2.5, "")(sdk.ConfigFloat("float", 7))
	as(t, "missing float", 7.5, "")(sdk.ConfigFloat("missing", 7.5))
	as(t, "bad float", 7.0, `cannot use config.text = "some text": it must be a number`)(sdk.ConfigFloat("text", 7))
	as(t, "yes", true, "")(sdk.ConfigBool("yes", false))
	as(t, "no", false, "")(sdk.ConfigBool("no", true))
	as(t, "missing bool", true, "")(sdk.ConfigBool("missing", true))
	as(t, "bad bool", true, `cannot use config.int = "42": it must be true or false`)(sdk.ConfigBool("int", true))
	as(t, "ttl", 90*time.Second, "")(sdk.ConfigDuration("ttl", time.Second))
	as(t, "missing ttl", time.Second, "")(sdk.ConfigDuration("missing", time.Second))
	as(t, "bad ttl", int64(5), `cannot use config.int = "42": it must be a duration such as "250ms"`)(sdk.ConfigDuration("int", int64(5)))

	_, err := sdk.ConfigInt("text", 0)
	var e *sdk.ConfigError
	if !errors.As(err, &e) || e.Key != "text" || e.Value != "some text" {
		t.Errorf("the error is %#v", err)
	}
}

func TestConfigLists(t *testing.T) {
	sdktest.New(t, config)
	for key, want := range map[string][]string{
		"list":    {"a", "b,\"c\"]", "3", "true", `["x","y"]`, `{"k":"v"}`, "ü\n\x01<"},
		"none":    {},
		"missing": nil,
	} {
		got, err := sdk.ConfigList(key)
		fails(t, key, err, nil)
		equalList(t, key, got, want)
	}
	for key, want := range map[string][]string{
		"table":      {"a.x", "b", "deep"},
		"table.deep": {"c"},
		"":           {"empty", "float", "int", "list", "long", "no", "none", "table", "text", "ttl", "yes"},
		"missing":    nil,
	} {
		got, err := sdk.ConfigKeys(key)
		fails(t, key, err, nil)
		equalList(t, key, got, want)
	}
	as(t, "text as a list", 0, `cannot use config.text = "some text": it must be an array`)(length(sdk.ConfigList("text")))
	as(t, "list as a table", 0, `cannot use config.none = "[]": it must be a table`)(length(sdk.ConfigKeys("none")))
}

func length(list []string, err error) (int, error) { return len(list), err }

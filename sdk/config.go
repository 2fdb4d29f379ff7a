package sdk

import (
	"strconv"

	"phasm/sdk/internal/imports"
)

// Config is the value of a key as text, empty where there is none: a string as
// it is, a number or boolean as it is written, a table or an array as JSON.
func Config(key string) string { return text(AppendConfig(scratch, key)) }

// AppendConfig appends the value of a key to dst.
func AppendConfig(dst []byte, key string) ([]byte, error) {
	n := imports.ConfigGet(key, free(dst))
	for !fits(dst, n) {
		dst = grow(dst, n)
		n = imports.ConfigGet(key, free(dst))
	}
	return taken(dst, n)
}

// HasConfig tells whether there is a value for a key.
func HasConfig(key string) bool { return imports.ConfigGet(key, nil) >= 0 }

// ConfigJSON is the whole configuration as a JSON object.
func ConfigJSON() []byte { return []byte(Config("")) }

// ConfigOr is [Config] with a value for a key that is missing.
func ConfigOr(key, missing string) string {
	if !HasConfig(key) {
		return missing
	}
	return Config(key)
}

// ConfigInt is a whole number, or missing where the key is. Another value is a
// [*ConfigError].
func ConfigInt(key string, missing int) (int, error) {
	return configAs(key, missing, "a whole number", strconv.Atoi)
}

// ConfigFloat is a number, or missing where the key is. Another value is a
// [*ConfigError].
func ConfigFloat(key string, missing float64) (float64, error) {
	return configAs(key, missing, "a number", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// ConfigBool is true or false, or missing where the key is. Another value is a
// [*ConfigError].
func ConfigBool(key string, missing bool) (bool, error) {
	return configAs(key, missing, "true or false", func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, strconv.ErrSyntax
		}
		return s == "true", nil
	})
}

// ConfigDuration is a duration such as "250ms" or "1m30s", as package time
// writes them, or missing where the key is:
//
//	ttl, err := sdk.ConfigDuration("ttl", 5*time.Minute)
//
// Another value is a [*ConfigError].
func ConfigDuration[D Duration](key string, missing D) (D, error) {
	n, err := configAs(key, int64(missing), `a duration such as "250ms"`, parseDuration)
	return D(n), err
}

// ConfigList are the items of an array, each as [Config] would answer it. A
// missing key is an empty array; what is not an array is a [*ConfigError].
func ConfigList(key string) ([]string, error) {
	return configAs(key, nil, "an array", arrayItems)
}

// ConfigKeys are the keys of a table, in alphabetical order. A missing key is
// an empty table; what is not a table is a [*ConfigError]. The values are at
// key + "." + name; the key "" is the whole configuration.
func ConfigKeys(key string) ([]string, error) {
	return configAs(key, nil, "a table", objectKeys)
}

func configAs[T any](key string, missing T, want string, parse func(string) (T, error)) (T, error) {
	if !HasConfig(key) {
		return missing, nil
	}
	value := Config(key)
	t, err := parse(value)
	if err != nil {
		return missing, &ConfigError{Key: key, Value: value, Want: want}
	}
	return t, nil
}

// ConfigError is the error of a configuration value that has not the form it
// should have.
type ConfigError struct {
	Key   string
	Value string // what stands there, as text or JSON
	Want  string // what should stand there, such as "a whole number"
}

// Error names the key, its value and what should stand there.
func (e *ConfigError) Error() string {
	return "cannot use config." + e.Key + " = " + strconv.Quote(e.Value) + ": it must be " + e.Want
}

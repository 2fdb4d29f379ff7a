//go:build !wasip1

package sdktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Config is the plugin's configuration: what stands in its table config.
// Values are strings, numbers, booleans, times, slices, and maps with string
// keys.
type Config map[string]any

// flatten turns a configuration into the texts that guests read by dotted key.
func flatten(c Config) map[string]string {
	if c == nil {
		c = Config{}
	}
	flat := map[string]string{}
	add(flat, "", c)
	return flat
}

func add(flat map[string]string, key string, value any) {
	switch v := plain(value).(type) {
	case string:
		flat[key] = v
		return
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			path := name
			if key != "" {
				path = key + "." + name
			}
			add(flat, path, v[name])
		}
	}
	text, err := json.Marshal(plain(value))
	if err != nil {
		panic(fmt.Sprintf("sdktest: cannot configure %s = %v: %v", key, value, err))
	}
	flat[key] = string(text)
}

// plain turns a value into what the configuration file could have held: times,
// infinities and NaN, for which JSON has no form, become text.
func plain(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		return v
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Map:
		table := make(map[string]any, v.Len())
		for _, name := range v.MapKeys() {
			table[name.String()] = plain(v.MapIndex(name).Interface())
		}
		return table
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i).Interface())
		}
		return list
	}
	return value
}

// ConfigGet implements imports.Host.
func (f *fake) ConfigGet(key string, buf []byte) int32 {
	value, found := f.config[key]
	if !found {
		return notFound
	}
	return reply(buf, value)
}

package host

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"phasm/sdk/abi"
)

// Config is a plugin's configuration by dotted key, as guests read it.
type Config map[string]string

// newConfig flattens a table from the configuration file.
func newConfig(table map[string]any) Config {
	if table == nil {
		table = map[string]any{}
	}
	c := Config{}
	c.add("", table)
	return c
}

func (c Config) add(key string, value any) {
	value = encodable(value)
	if text, ok := value.(string); ok {
		c[key] = text
		return
	}
	if table, ok := value.(map[string]any); ok {
		// In order: where a quoted key has dots and means the same as a
		// nested one, the last of them wins.
		for _, name := range slices.Sorted(maps.Keys(table)) {
			member := table[name]
			if key != "" {
				name = key + "." + name
			}
			c.add(name, member)
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("BUG: a configuration value has no JSON: %v", err))
	}
	c[key] = string(text)
}

// encodable turns what TOML has and JSON has not into text: times, infinities
// and NaN.
func encodable(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
	case map[string]any:
		table := make(map[string]any, len(v))
		for name, member := range v {
			table[name] = encodable(member)
		}
		return table
	case []any:
		list := make([]any, len(v))
		for i, member := range v {
			list[i] = encodable(member)
		}
		return list
	case []map[string]any:
		list := make([]any, len(v))
		for i, member := range v {
			list[i] = encodable(member)
		}
		return list
	}
	return value
}

func configGet(c *Call, s []uint64) {
	key, ok := c.view(s[0], s[1])
	if !ok {
		fail(s, abi.BadArgument)
		return
	}
	value, found := c.Plugin.Config[string(key)]
	if !found {
		fail(s, abi.NotFound)
		return
	}
	c.replyText(s, value, s[2], s[3])
}

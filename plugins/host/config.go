package host

import (
	"encoding/json"
	"fmt"

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
	switch v := value.(type) {
	case string:
		c[key] = v
		return
	case map[string]any:
		for name, member := range v {
			if key != "" {
				name = key + "." + name
			}
			c.add(name, member)
		}
	}
	text, err := json.Marshal(value)
	if err != nil { // infinities and NaN have no JSON
		text = fmt.Append(nil, value)
	}
	c[key] = string(text)
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

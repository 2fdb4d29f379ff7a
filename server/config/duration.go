package config

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a span of time, written as Go does: "250ms", "1h30m". It is
// never negative.
type Duration time.Duration

// String writes the duration without the zero units at its end: 1m, not 1m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(d.String()), nil
}

func (d *Duration) parse(value any) error {
	number := fmt.Sprint(value)
	switch v := value.(type) {
	case string:
		span, err := time.ParseDuration(v)
		if err == nil && span < 0 {
			return fmt.Errorf("a duration must not be negative, as %s is", describe(v))
		}
		if err == nil {
			*d = Duration(span)
			return nil
		}
		if number == "" || strings.Trim(number, "0123456789.") != "" {
			return fmt.Errorf(`%s is not a duration; write numbers with units (ns, us, ms, s, m, h), such as "250ms" or "1h30m"`, describe(v))
		}
	case int64, float64:
		number = describe(v)
	default:
		return fmt.Errorf(`must be a duration such as "10s", not %s`, describeTyped(value))
	}
	return fmt.Errorf(`%s has no unit; write "%ss" for seconds or "%sms" for milliseconds`, describe(value), number, number)
}

package sdk

import (
	"math"
	"strconv"
)

// parseDuration reads a duration as time.ParseDuration does: numbers with
// units, largest first by custom but in any order, such as "1m30s" or "-1.5h".
func parseDuration(s string) (int64, error) {
	rest, negative := s, false
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		negative = rest[0] == '-'
		rest = rest[1:]
	}
	if rest == "0" {
		return 0, nil
	}
	if rest == "" {
		return 0, strconv.ErrSyntax
	}
	var total float64
	var whole int64
	for rest != "" {
		number, unit, after, ok := cutDuration(rest)
		if !ok {
			return 0, strconv.ErrSyntax
		}
		rest = after
		// Whole numbers stay exact; a float64 holds 104 days in nanoseconds.
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			if n > (math.MaxInt64-whole)/unit {
				return 0, strconv.ErrRange
			}
			whole += n * unit
			continue
		}
		f, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, err
		}
		total += f * float64(unit)
	}
	if total > 0 && total >= float64(math.MaxInt64-whole) {
		return 0, strconv.ErrRange
	}
	whole += int64(total)
	if negative {
		whole = -whole
	}
	return whole, nil
}

// cutDuration cuts a number and its unit, in nanoseconds, off s.
func cutDuration(s string) (number string, unit int64, rest string, ok bool) {
	i := 0
	for i < len(s) && (s[i] == '.' || '0' <= s[i] && s[i] <= '9') {
		i++
	}
	j := i
	for j < len(s) && s[j] != '.' && (s[j] < '0' || s[j] > '9') {
		j++
	}
	unit = unitOf(s[i:j])
	return s[:i], unit, s[j:], i > 0 && unit > 0
}

func unitOf(name string) int64 {
	switch name {
	case "ns":
		return 1
	case "us", "µs", "μs": // with the micro sign and with the Greek letter
		return 1e3
	case "ms":
		return 1e6
	case "s":
		return 1e9
	case "m":
		return 60e9
	case "h":
		return 3600e9
	}
	return 0
}

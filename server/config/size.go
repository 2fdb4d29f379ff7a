package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes, written "10MiB" or "512B": a whole number with
// the unit B, KB, MB, GB (powers of 1000), KiB, MiB or GiB (powers of 1024).
// A bare integer counts bytes. It is never negative.
type Size int64

// sizeUnits are the units from the largest to the smallest, a power of two
// before the power of ten it surpasses.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
}

// String writes the size in the largest unit that keeps it whole.
func (s Size) String() string {
	for _, unit := range sizeUnits {
		if n := int64(s); n != 0 && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return "0B"
}

// MarshalText writes the size as String does.
func (s Size) MarshalText() ([]byte, error) {
	return []byte(s.String()), nil
}

func (s *Size) parse(value any) error {
	switch v := value.(type) {
	case int64:
		if v < 0 {
			return fmt.Errorf("a size must not be negative, as %d is", v)
		}
		*s = Size(v)
		return nil
	case string:
		return s.parseText(v)
	}
	return fmt.Errorf(`must be a size such as "10MiB", not %s`, describeTyped(value))
}

func (s *Size) parseText(text string) error {
	digits := strings.TrimRight(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	factor := int64(0)
	for _, unit := range sizeUnits {
		if unit.name == text[len(digits):] {
			factor = unit.bytes
		}
	}
	if digits == text {
		factor = 1
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	switch {
	case factor == 0 || errors.Is(err, strconv.ErrSyntax):
		return fmt.Errorf(`%s is not a size; write a whole number with B, KB, MB, GB, KiB, MiB or GiB, such as "10MiB"`, describe(text))
	case err != nil || int64(n) > math.MaxInt64/factor:
		return fmt.Errorf("%s is larger than any size can be", describe(text))
	}
	*s = Size(int64(n) * factor)
	return nil
}

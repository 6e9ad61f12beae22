package term

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes for people, as 4.9K: in units of 1024, with one digit after
// the point where that says something.
func Bytes(n uint64) string {
	const units = "BKMGTPE"
	exp := 0
	for v := n; v >= 1024 && exp < len(units)-1; v /= 1024 {
		exp++
	}
	unit := uint64(1) << (10 * exp)
	whole, tenths := n/unit, uint64(0)
	if exp > 0 {
		// The rest first in thousandths, which fit into 64 bits, then rounded.
		tenths = (n%unit/(unit/1024)*1000/1024 + 50) / 100
		if tenths == 10 {
			whole, tenths = whole+1, 0
		}
	}
	if tenths == 0 {
		return fmt.Sprintf("%d%c", whole, units[exp])
	}
	return fmt.Sprintf("%d.%d%c", whole, tenths, units[exp])
}

// Size is a number of bytes on the command line: 4096, 64K or KiB, 5KB, which is 5000.
type Size uint64

// UnmarshalText reads one.
func (s *Size) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "KMGTPEiBkmgtpe")
	suffix := strings.ToUpper(string(text)[len(number):])
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no size: a number, and after it one of K, M, G, T, P and E at most", text)
	}
	base := uint64(1024)
	if len(suffix) == 2 && suffix[1] == 'B' {
		base = 1000
	}
	unit := strings.TrimSuffix(strings.TrimSuffix(suffix, "B"), "I")
	exp := strings.Index("KMGTPE", unit) + 1
	if len(unit) > 1 || exp == 0 || suffix == "I" || len(suffix) == 2 && suffix[1] == 'I' {
		return fmt.Errorf("%q is no size: it ends in %q, which is no unit", text, suffix)
	}
	if unit == "" {
		exp = 0
	}
	for range exp {
		if n > math.MaxUint64/base {
			return fmt.Errorf("%q is more than there is", text)
		}
		n *= base
	}
	*s = Size(n)
	return nil
}

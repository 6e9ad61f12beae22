package term

import "fmt"

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

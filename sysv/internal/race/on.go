//go:build race

package race

import (
	"runtime"
	"unsafe"
)

// Enabled tells whether this program was built with -race.
const Enabled = true

// Acquire orders what follows after all that was done before a Release of the
// object with this id, or of its part num.
func Acquire(kind Kind, id, num int) { runtime.RaceAcquire(address(kind, id, num)) }

// Release hands on what was done so far to those who acquire the same later. It
// has to come before the system call: after it they may be ahead.
func Release(kind Kind, id, num int) { runtime.RaceReleaseMerge(address(kind, id, num)) }

// addresses stand for objects, as the detector names an order by an address. A
// map would need a lock, which is an order itself and would hide races. Two
// objects that share an address, which is rare, may hide one from each other, but
// make none up.
var addresses [1 << 16]uint64

func address(kind Kind, id, num int) unsafe.Pointer {
	h := uint64(kind)
	for _, n := range [...]int{id, num} {
		h = (h ^ uint64(n)) * 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio
		h ^= h >> 32
	}
	return unsafe.Pointer(&addresses[h%uint64(len(addresses))])
}

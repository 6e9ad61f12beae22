//go:build linux && !android

package shm_test

import (
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/shm"
)

type order struct {
	ID    uint64
	Price float64
	Size  uint32
	Venue [4]byte
	Tags  [2]struct{ Key, Value uint16 }
}

// BenchmarkView is what a program pays that views a record each time it looks at it,
// beside what it would for a function of its own that knows the type.
func BenchmarkView(b *testing.B) {
	const n = 1_000_000
	m := attach(b, create(b, 4096, nil), nil)
	byHand := compare.Nanoseconds(n, func() { orderAt(m.Bytes(), 64) })
	for name, view := range map[string]func(){
		"struct": func() { shm.View[order](m, 64) },
		"int64":  func() { shm.View[int64](m, 64) },
		"slice":  func() { shm.Slice[order](m, 64, 10) },
	} {
		b.Run(name, func(b *testing.B) {
			compare.Report(b, "ns/view", compare.Nanoseconds(n, view), "by-hand", byHand)
		})
	}
}

//go:noinline
func orderAt(b []byte, off int) *order {
	if off < 0 || off > len(b)-int(unsafe.Sizeof(order{})) || off%int(unsafe.Alignof(order{})) != 0 {
		return nil
	}
	return (*order)(unsafe.Pointer(&b[off]))
}

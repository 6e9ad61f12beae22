//go:build linux && !android

package shm_test

import (
	"testing"

	"example.com/sysvipc/sysv/shm"
)

type order struct {
	ID    uint64
	Price float64
	Size  uint32
	Venue [4]byte
	Tags  [2]struct{ Key, Value uint16 }
}

// BenchmarkView is what a program pays that views a record each time it looks at it.
func BenchmarkView(b *testing.B) {
	m := attach(b, create(b, 4096, nil), nil)
	b.Run("struct", func(b *testing.B) { benchmarkView[order](b, m) })
	b.Run("int64", func(b *testing.B) { benchmarkView[int64](b, m) })
	b.Run("slice", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := shm.Slice[order](m, 64, 10)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkView[T any](b *testing.B, m *shm.Mapping) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := shm.View[T](m, 64); err != nil {
			b.Fatal(err)
		}
	}
}

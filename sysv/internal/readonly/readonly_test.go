package readonly_test

import (
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv/internal/readonly"
)

var memory [100]byte

func TestHas(t *testing.T) {
	has := func() (places []int) {
		for i := range memory {
			if readonly.Has(unsafe.Pointer(&memory[i])) {
				places = append(places, i)
			}
		}
		return places
	}
	want := func(ranges ...[2]int) {
		t.Helper()
		i, got := 0, has()
		for _, r := range ranges {
			for at := r[0]; at < r[1]; at++ {
				if i >= len(got) || got[i] != at {
					t.Fatalf("has %v, want %v", got, ranges)
				}
				i++
			}
		}
		if i != len(got) {
			t.Fatalf("has %v, want %v", got, ranges)
		}
	}
	want()
	readonly.Add(memory[40:60])
	want([2]int{40, 60})
	readonly.Add(memory[60:70])
	readonly.Add(memory[10:11])
	want([2]int{10, 11}, [2]int{40, 70})
	readonly.Remove(memory[40:60])
	want([2]int{10, 11}, [2]int{60, 70})
	readonly.Remove(memory[10:11])
	readonly.Remove(memory[60:70])
	readonly.Remove(memory[60:70])
	want()
}

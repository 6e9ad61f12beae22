// Package readonly knows which memory this process has attached for reading alone.
// Who writes there is ended by a fault, so that it is good to know before.
package readonly

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A span is a range of addresses.
type span struct{ first, end uintptr }

// spans are in order and don't overlap. They are replaced and never changed, for
// they are looked at far more often.
var (
	changing sync.Mutex
	spans    atomic.Pointer[[]span]
)

// Add says that memory has been attached for reading alone.
func Add(memory []byte) {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(memory)))
	change(func(s []span) []span {
		i, _ := find(s, first)
		return slices.Insert(s, i, span{first, first + uintptr(len(memory))})
	})
}

// Remove says that what was added is about to be detached.
func Remove(memory []byte) {
	change(func(s []span) []span {
		i, ok := find(s, uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
		if !ok {
			return s
		}
		return slices.Delete(s, i, i+1)
	})
}

// Has tells whether an address is in such memory.
func Has(p unsafe.Pointer) bool {
	s := spans.Load()
	if s == nil || len(*s) == 0 {
		return false
	}
	_, ok := find(*s, uintptr(p))
	return ok
}

func change(how func([]span) []span) {
	changing.Lock()
	defer changing.Unlock()
	var s []span
	if old := spans.Load(); old != nil {
		s = slices.Clone(*old)
	}
	s = how(s)
	spans.Store(&s)
}

// find returns the index of the span that an address is in, or at which one that
// begins there would be.
func find(s []span, address uintptr) (i int, ok bool) {
	return slices.BinarySearchFunc(s, address, func(s span, address uintptr) int {
		switch {
		case address < s.first:
			return 1
		case address >= s.end:
			return -1
		}
		return 0
	})
}

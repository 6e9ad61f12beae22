//go:build !race

package ring

import (
	"sync/atomic"
	"unsafe"
)

// release stores what others are to see after everything that was stored before. On
// amd64 every store is like that (Intel SDM volume 3, 8.2.2), and the compiler leaves
// stores in their order. What an atomic one does beyond that is to wait, for some
// twenty cycles, until all of them are seen.
func release(word *atomic.Uint32, value uint32) { *(*uint32)(unsafe.Pointer(word)) = value }

//go:build race

package lock

import (
	"runtime"
	"unsafe"
)

const race = true

// The race detector does not watch memory that is not Go's: it has to be told
// what one goroutine's Unlock means to another's Lock.

func acquired(m *Mutex)  { runtime.RaceAcquire(unsafe.Pointer(m)) }
func releasing(m *Mutex) { runtime.RaceRelease(unsafe.Pointer(m)) }

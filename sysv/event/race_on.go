//go:build race

package event

import (
	"runtime"
	"unsafe"
)

const race = true

// The race detector does not watch memory that is not Go's: it has to be told
// what one goroutine's Advance means to another's Await. It is told of a byte for
// each place, so that it may miss a race where two Counts have the same.

var told [places]byte

func acquired(c *Count)  { runtime.RaceAcquire(unsafe.Pointer(&told[c.place()])) }
func releasing(c *Count) { runtime.RaceReleaseMerge(unsafe.Pointer(&told[c.place()])) }

//go:build !amd64 && !386 && !s390x

package ring

import "sync/atomic"

// fence has plain loads before it done before atomic loads that come after it: a look at what
// others wrote counts only if a second look, at whether they had begun to write
// over it, comes later. An atomic load alone does not wait for plain ones
// before it where memory is weakly ordered, as on arm64. An atomic store does, and an
// atomic load waits for atomic stores before it, whatever they store to.
func fence() {
	var nothing atomic.Uint32
	nothing.Store(1)
}

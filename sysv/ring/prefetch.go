package ring

import "unsafe"

// Lines that are going to be written are other processors' still, who have read them the
// last time round. To have them come while something else is done takes off most of
// what a record costs its producer.
const (
	ahead = 8 << 10 / unit // of the tail
	chunk = 4 << 10        // bytes of a large record
)

// prefetch has units from a position on come, if they are free.
func (m *memory) prefetch(at, n uint32) {
	if at+n-m.head.get() <= m.size && at&(m.size-1)+n <= m.size {
		prefetch(unsafe.Pointer(m.record(at)), uintptr(n)*unit)
	}
}

package lock

import (
	"fmt"
	"unsafe"

	"example.com/sysvipc/sysv/shm"
)

// Memory returns the memory that Config asked for, which all members share and the
// mutexes guard: all of it, in the size that it has been given, and nil if that is 0. It
// begins at an address that is a multiple of 128. It must not be touched after Close.
func (g *Group) Memory() []byte { return g.guarded }

// View returns a pointer to a T at off, in bytes, in the group's memory, on the
// conditions of [shm.View]. It is valid until Close, after which the error is
// [os.ErrClosed].
func View[T any](g *Group, off int) (*T, error) {
	var t T
	if n := len(g.guarded); off < 0 || off > n || int(unsafe.Sizeof(t)) > n-off {
		return nil, fmt.Errorf("lock: %d bytes at offset %d do not fit into %d bytes of memory", unsafe.Sizeof(t), off, n)
	}
	return shm.View[T](g.mapping, g.shape().memoryAt()+off)
}

//go:build linux && !android

package ring

import (
	"strconv"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// share makes a T that other processes can attach by the id, until the test ends.
func share[T any](t testing.TB) (id string, shared *T) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, int(unsafe.Sizeof(*shared)), nil)
	kit.Must(t, err)
	m, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() {
		kit.Must(t, seg.Remove())
		kit.Must(t, m.Detach())
	})
	shared, err = shm.View[T](m, 0)
	kit.Must(t, err)
	return strconv.Itoa(seg.ID()), shared
}

// attach is for helpers, which have what they attach to their end.
func attach[T any](id string) (*T, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return nil, err
	}
	seg, err := shm.OpenID(n)
	if err != nil {
		return nil, err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	return shm.View[T](m, 0)
}

//go:build linux && !android

package shm_test

import (
	"context"
	"errors"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but their end ends.
var bg = context.Background()

// create makes a segment under a key of its own, which is removed when the
// test ends.
func create(t testing.TB, size int, cfg *shm.Config) *shm.Segment {
	t.Helper()
	seg, err := shm.Create(sysv.RandomKey(), size, cfg)
	if err != nil {
		t.Fatal(err)
	}
	removeAtEnd(t, seg)
	return seg
}

func removeAtEnd(t testing.TB, seg *shm.Segment) {
	t.Cleanup(func() {
		if err := seg.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
}

func attach(t testing.TB, seg *shm.Segment, cfg *shm.AttachConfig) *shm.Mapping {
	t.Helper()
	m, err := seg.Attach(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { detach(t, m) })
	return m
}

func detach(t testing.TB, m *shm.Mapping) {
	t.Helper()
	if err := m.Detach(); err != nil {
		t.Error(err)
	}
}

func stat(t testing.TB, seg *shm.Segment) shm.Stat {
	t.Helper()
	st, err := seg.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// listed returns what List says about an id.
func listed(t testing.TB, id int) (st shm.Stat, ok bool) {
	t.Helper()
	list, err := shm.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range list {
		if st.ID == id {
			return st, true
		}
	}
	return st, false
}

func address(m *shm.Mapping) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes())))
}

// name is what a handle says that it names.
type name struct {
	ID   int
	Key  sysv.Key
	Size int
}

func namedBy(s *shm.Segment) name { return name{s.ID(), s.Key(), s.Size()} }

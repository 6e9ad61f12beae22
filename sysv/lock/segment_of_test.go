//go:build linux && !android

package lock_test

import (
	"errors"
	"io/fs"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// TestSegmentOf: the set of a group names its segment, also when that is gone; a
// stranger's names none.
func TestSegmentOf(t *testing.T) {
	g, err := lock.Create(t.Context(), sysv.Private, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	st, err := g.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if segment, ok, err := lock.SegmentOf(st.SetID); segment != st.SegmentID || !ok || err != nil {
		t.Errorf("%d, %v, %v; want %d", segment, ok, err, st.SegmentID)
	}
	seg, err := shm.OpenID(st.SegmentID)
	if err != nil {
		t.Fatal(err)
	}
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	if segment, ok, err := lock.SegmentOf(st.SetID); segment != st.SegmentID || !ok || err != nil {
		t.Errorf("without its segment: %d, %v, %v; want %d", segment, ok, err, st.SegmentID)
	}
	set, err := sem.OpenID(st.SetID)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := lock.SegmentOf(st.SetID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a set that is gone: %v", err)
	}
	stranger, err := sem.Create(sysv.Private, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Remove()
	if _, ok, err := lock.SegmentOf(stranger.ID()); ok || err != nil {
		t.Errorf("of a stranger's: %v, %v", ok, err)
	}
}

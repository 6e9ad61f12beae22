//go:build linux && !android

package shm_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

func TestSetMode(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 1, &shm.Config{Mode: 0o640})
	before := stat(t, seg)
	for _, mode := range []fs.FileMode{0o600, 0o666, 0, 0o777, 0o640} {
		if err := seg.SetMode(mode); err != nil {
			t.Fatal(err)
		}
		got, ok := listed(t, seg.ID())
		if !ok || got.Mode != mode {
			t.Errorf("mode %#o, want %#o", got.Mode, mode)
		}
		if got.UID != before.UID || got.GID != before.GID || got.CUID != before.CUID || got.CGID != before.CGID {
			t.Errorf("mode %#o changed the owner: %+v", mode, got.Perm)
		}
	}
	if after := stat(t, seg); after.Perm != before.Perm {
		t.Errorf("back at the first mode it is %+v, was %+v", after.Perm, before.Perm)
	}
}

func TestSetPermRefuses(t *testing.T) {
	seg := create(t, 1, nil)
	before := stat(t, seg)
	uid, gid := before.UID, before.GID
	for name, err := range map[string]error{
		"mode beyond permissions":    seg.SetPerm(uid, gid, 0o1600),
		"file type":                  seg.SetMode(fs.ModeDir | 0o600),
		"uid that stands for none":   seg.SetPerm(math.MaxUint32, gid, 0o600),
		"group that stands for none": seg.SetPerm(uid, math.MaxUint32, 0o600),
	} {
		if !errors.Is(err, syscall.EINVAL) || errors.Is(err, sysv.ErrRemoved) {
			t.Errorf("%s: %v, want EINVAL", name, err)
		}
	}
	if after := stat(t, seg); after.Perm != before.Perm {
		t.Errorf("changed nevertheless: %+v, was %+v", after.Perm, before.Perm)
	}
}

// The kernel keeps its own bits beside the permissions.
func TestSetModeKeepsState(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 1, nil)
	attach(t, seg, nil)
	lockPages(t, seg)
	if err := seg.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := seg.SetMode(0o640); err != nil {
		t.Fatal(err)
	}
	if st := stat(t, seg); !st.Locked || !st.Dest || st.Mode != 0o640 {
		t.Errorf("locked %v, dest %v, mode %#o, want true, true, 0640", st.Locked, st.Dest, st.Mode)
	}
}

func TestLockPages(t *testing.T) {
	emulator.Mode.Skip(t)
	seg := create(t, 1, nil)
	if stat(t, seg).Locked {
		t.Error("locked when new")
	}
	for range 2 {
		lockPages(t, seg)
		if st := stat(t, seg); !st.Locked || st.Mode != 0o600 {
			t.Errorf("after LockPages: locked %v, mode %#o", st.Locked, st.Mode)
		}
		if st, _ := listed(t, seg.ID()); !st.Locked || st.Mode != 0o600 {
			t.Errorf("after LockPages List says: locked %v, mode %#o", st.Locked, st.Mode)
		}
	}
	for range 2 {
		if err := seg.UnlockPages(); err != nil {
			t.Fatal(err)
		}
		if stat(t, seg).Locked {
			t.Error("locked after UnlockPages")
		}
	}
}

// lockPages skips the test where this user may not lock a page at all.
func lockPages(t *testing.T, seg *shm.Segment) {
	t.Helper()
	err := seg.LockPages()
	if os.Geteuid() != 0 && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOMEM)) {
		t.Skipf("skipping, raise ulimit -l: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

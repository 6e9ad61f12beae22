//go:build linux && !android

package conformance

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

var shmLockRows = []row{
	{"SHM-097", "SHM_LOCK sets SHM_LOCKED and SHM_UNLOCK clears it, in the mode (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, nil)
		check := func(locked bool, perms string) {
			t.Helper()
			if st := segStat(t, seg); st.Locked != locked || st.Mode != 0o600 {
				t.Errorf("locked %v, mode %#o, want %v and 0600", st.Locked, st.Mode, locked)
			}
			if got := segColumns(t, seg)[2]; got != perms {
				t.Errorf("perms %s in the kernel's table, want %s", got, perms)
			}
		}
		check(false, "600")
		segLock(t, seg)
		check(true, "2600")
		segUnlock(t, seg)
		check(false, "600")
	}},

	{"SHM-098", "SHM_LOCK and SHM_UNLOCK again are no errors, and don't add up (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		segLock(t, seg)
		segLock(t, seg)
		segUnlock(t, seg)
		if segStat(t, seg).Locked {
			t.Error("locked twice and unlocked once it is locked")
		}
		segUnlock(t, seg)
	}},
}

// segLock skips the test where this user may not lock a page at all.
func segLock(t *testing.T, seg *shm.Segment) {
	t.Helper()
	err := seg.LockPages()
	if os.Geteuid() != 0 && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOMEM)) {
		t.Skipf("skipping, raise ulimit -l: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func segUnlock(t *testing.T, seg *shm.Segment) {
	t.Helper()
	if err := seg.UnlockPages(); err != nil {
		t.Error(err)
	}
}

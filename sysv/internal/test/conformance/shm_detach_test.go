//go:build linux && !android

package conformance

import (
	"os"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv/shm"
)

var shmDetachRows = []row{
	{"SHM-063", "memory is not there after shmdt: SIGSEGV, and nobody is attached (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		segDetach(t, m)
		if m.Bytes() != nil || m.Len() != 0 {
			t.Errorf("Bytes has %d, Len is %d, want nothing", len(m.Bytes()), m.Len())
		}
		_, err := m.WriteAt([]byte("x"), 0)
		shmErr(t, err, os.ErrClosed)
		segNattch(t, seg, 0)
		segFault(t, seg, "attach", "poke 0", "detach", "poke 0")
		segNattch(t, seg, 0)
	}},

	// Where the kernel says EINVAL for a second shmdt, Detach doesn't ask it.
	{"SHM-064", "shmdt where nothing is attached is EINVAL: here too, but to detach again does nothing (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m, other := segAttach(t, seg, nil), segAttach(t, seg, nil)
		segDetach(t, m)
		segDetach(t, m)
		segNattch(t, seg, 1)
		other.Bytes()[0] = 1

		unmapped, err := seg.Attach(nil)
		if err != nil {
			t.Fatal(err)
		}
		segUnmap(t, unmapped)
		shmErr(t, unmapped.Detach(), syscall.EINVAL)
		segNattch(t, seg, 1)
	}},

	{"SHM-068", "munmap of an attachment is a detach (munmap(2))", func(t *testing.T) {
		seg := segCreate(t, shmPage+1, nil)
		m, err := seg.Attach(nil)
		if err != nil {
			t.Fatal(err)
		}
		segNattch(t, seg, 1)
		before := time.Now()
		segUnmap(t, m)
		st := segStat(t, seg)
		if st.Nattch != 0 || st.LPID != os.Getpid() {
			t.Errorf("nattch is %d, lpid %d, want 0 and %d", st.Nattch, st.LPID, os.Getpid())
		}
		segTime(t, "dtime", st.DTime, before, time.Now())
	}},

	{"SHM-069", "each of two attachments is detached for itself (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		a, b := segAttach(t, seg, nil), segAttach(t, seg, nil)
		segNattch(t, seg, 2)
		segDetach(t, a)
		segNattch(t, seg, 1)
		b.Bytes()[0] = 1
		segDetach(t, b)
		segNattch(t, seg, 0)
	}},
}

func segUnmap(t *testing.T, m *shm.Mapping) {
	t.Helper()
	if err := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(m.Bytes())), uintptr(m.Len())); err != nil {
		t.Fatal(err)
	}
}

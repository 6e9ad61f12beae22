//go:build linux && !android

package conformance

import (
	"math"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

var shmLimitRows = []row{
	{"SHM-006", "a size above SHMMAX is EINVAL (shmget(2))", func(t *testing.T) {
		p := shmNamespace(t)
		p.sysctl("shmmax", 8192)
		p.refused(syscall.EINVAL, "create private 8193")
		p.refused(syscall.EINVAL, "create 1 8193")
		p.ok("create 1 8192")
	}},

	{"SHM-022", "one segment more than SHMMNI is ENOSPC (shmget(2))", func(t *testing.T) {
		p := shmNamespace(t)
		p.sysctl("shmmni", 3)
		for key := range 3 {
			p.ok("create %d 1", key+1)
		}
		p.refused(syscall.ENOSPC, "create 4 1")
		p.refused(syscall.ENOSPC, "create private 1")
		p.ok("remove")
		p.ok("create 4 1")
	}},

	{"SHM-023", "more pages than SHMALL is ENOSPC (shmget(2))", func(t *testing.T) {
		emulator.Pages.Skip(t)
		p := shmNamespace(t)
		p.sysctl("shmall", 5)
		p.ok("create 1 %d", shmPage+1) // two pages
		p.refused(syscall.ENOSPC, "create 2 %d", 3*shmPage+1)
		p.ok("create 2 %d", 3*shmPage)
		p.refused(syscall.ENOSPC, "create 3 1")
	}},

	{"SHM-084", "IPC_INFO is SHMMIN, 1, and the limits in /proc/sys/kernel (shmctl(2))", func(t *testing.T) {
		now, err := shm.Limits()
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]uint64{"shmmax": now.ShmMax, "shmall": now.ShmAll, "shmmni": now.ShmMNI} {
			if want := shmRead(t, "/proc/sys/kernel/"+name); strconv.FormatUint(got, 10) != want {
				t.Errorf("%s is %d, want %s", name, got, want)
			}
		}

		p := shmNamespace(t)
		p.sysctl("shmmax", 1000000)
		p.sysctl("shmall", 12345)
		p.sysctl("shmmni", 77)
		want := shm.SystemLimits{ShmMax: 1000000, ShmMin: 1, ShmAll: 12345, ShmMNI: 77}
		shmWantAnswer(p, "limits", want)
		p.ok("chroot %s", t.TempDir()) // where Limits is IPC_INFO
		shmWantAnswer(p, "limits", want)
	}},

	{"SHM-088", "SHM_INFO counts segments and their pages until they are destroyed (shmctl(2))", func(t *testing.T) {
		emulator.Pages.Skip(t)
		p := shmNamespace(t)
		shmWantAnswer(p, "usage", shm.SystemUsage{})
		p.ok("create 1 %d", 2*shmPage)
		shmWantAnswer(p, "usage", shm.SystemUsage{Segments: 1, Pages: 2})
		p.ok("create 2 %d", shmPage+1)
		shmWantAnswer(p, "usage", shm.SystemUsage{Segments: 2, Pages: 4})
		p.ok("attach")
		p.ok("remove")
		shmWantAnswer(p, "usage", shm.SystemUsage{Segments: 2, Pages: 4})
		p.ok("detach")
		shmWantAnswer(p, "usage", shm.SystemUsage{Segments: 1, Pages: 2})
	}},
}

// shmBits32 is what a 32-bit process has of its own.
var shmBits32 = []row{
	{"SHM-085", "IPC_INFO of a 32-bit process on a 64-bit kernel has SHMMAX up to 1<<31 - 1 and 32 bits of SHMALL (compat_ksys_shmctl in ipc/shm.c)", func(t *testing.T) {
		emulator.LargeLimits.Skip(t)
		p := shmNamespace(t)
		if _, err := p.try("sysctl shmall %d", uint64(1<<32+5)); err != nil {
			t.Skipf("skipping, run on a 64-bit kernel, as root or where a namespace's owner may set this: %v", err)
		}
		p.sysctl("shmmax", uint64(1<<40))
		want := shm.SystemLimits{ShmMax: 1 << 40, ShmMin: 1, ShmAll: 1<<32 + 5, ShmMNI: shmAsk[shm.SystemLimits](p, "limits").ShmMNI}
		shmWantAnswer(p, "limits", want)
		p.ok("chroot %s", t.TempDir()) // where Limits is IPC_INFO
		want.ShmMax, want.ShmAll = math.MaxInt32, 5
		shmWantAnswer(p, "limits", want)
	}},

	{"SHM-096", "IPC_STAT of a 32-bit process has all of the times, whose upper halves lie apart (shmid64_ds in asm/shmbuf.h)", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		st := segStat(t, seg)
		table, _ := segListed(shmList(t), seg.ID())
		if !st.ATime.IsZero() || !st.DTime.IsZero() || !st.CTime.Equal(table.CTime) {
			t.Errorf("new: atime %v, dtime %v, ctime %v, want never, never, %v", st.ATime, st.DTime, st.CTime, table.CTime)
		}
		segDetach(t, segAttach(t, seg, nil))
		st = segStat(t, seg)
		table, _ = segListed(shmList(t), seg.ID())
		if !st.ATime.Equal(table.ATime) || !st.DTime.Equal(table.DTime) {
			t.Errorf("used: atime %v, dtime %v, want %v, %v", st.ATime, st.DTime, table.ATime, table.DTime)
		}
	}},
}

// shmWantAnswer checks what a peer says.
func shmWantAnswer[T any](p shmPeer, line string, want T) {
	p.t.Helper()
	if diff := cmp.Diff(want, shmAsk[T](p, line)); diff != "" {
		p.t.Errorf("%s (-want +got)\n%s", line, diff)
	}
}

//go:build linux && !android

package conformance

import (
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

var shmRemoveRows = []row{
	{"SHM-109", "IPC_RMID again is no error while the segment is attached (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, nil)
		for _, m := range []*shm.Mapping{segAttach(t, seg, nil), segAttach(t, seg, nil)} {
			segRemove(t, seg)
			segRemove(t, seg)
			if st := segStat(t, seg); !st.Dest {
				t.Error("not marked for destruction")
			}
			segDetach(t, m)
		}
		segGone(t, seg)
		shmErr(t, seg.Remove(), sysv.ErrRemoved)
	}},

	{"SHM-112", "kernel.shm_rmid_forced destroys a segment with its last detach, unasked (proc(5))", func(t *testing.T) {
		p := shmNamespace(t)
		p.sysctl("shm_rmid_forced", 1)
		p.ok("create 1 10")
		p.ok("attach")
		p.ok("stat")
		p.ok("detach")
		p.refused(syscall.EIDRM, "stat")
		p.refused(syscall.ENOENT, "open 1")
		if list := shmAsk[[]shm.Stat](p, "list"); len(list) != 0 {
			t.Errorf("listed: %+v", list)
		}
	}},

	{"SHM-113", "kernel.shm_rmid_forced destroys what its creator, dead, never attached (proc(5))", func(t *testing.T) {
		p := shmNamespace(t)
		p.ok("child create 1 10")
		p.ok("open 1")
		p.ok("remove")
		p.sysctl("shm_rmid_forced", 1)
		p.ok("child create 1 10; stat")
		kit.Eventually(t, "destroyed", func() bool { return len(shmAsk[[]shm.Stat](p, "list")) == 0 })
		p.refused(syscall.ENOENT, "open 1")
	}},
}

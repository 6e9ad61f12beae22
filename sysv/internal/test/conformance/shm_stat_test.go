//go:build linux && !android

package conformance

import (
	"io/fs"
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

var shmStatRows = []row{
	{"SHM-071", "shmat sets atime and lpid, shmdt dtime and lpid, and neither ctime (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		created := segAged(t, seg)
		check := func(what string, lpid int, attached, detached bool) shm.Stat {
			t.Helper()
			st := segStat(t, seg)
			if st.CTime != created.CTime {
				t.Errorf("%s: ctime is %v, was %v", what, st.CTime, created.CTime)
			}
			if st.ATime.After(created.CTime) != attached || st.DTime.After(created.CTime) != detached {
				t.Errorf("%s: atime is %v, dtime %v, created %v", what, st.ATime, st.DTime, created.CTime)
			}
			if st.LPID != lpid || st.CPID != os.Getpid() {
				t.Errorf("%s: lpid is %d, cpid %d, want %d and %d", what, st.LPID, st.CPID, lpid, os.Getpid())
			}
			return st
		}
		check("new", 0, false, false)
		p.ok("attach")
		if st := check("attached", p.Process.Process.Pid, true, false); !st.DTime.IsZero() {
			t.Errorf("dtime is %v before any detach", st.DTime)
		}
		m := segAttach(t, seg, nil)
		check("attached here", os.Getpid(), true, false)
		p.ok("detach")
		check("detached", p.Process.Process.Pid, true, true)
		segDetach(t, m)
		check("detached here", os.Getpid(), true, true)
	}},

	{"SHM-101", "IPC_SET changes the mode, and ctime to now (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, &shm.Config{Mode: 0o640})
		created := segAged(t, seg)
		before := time.Now()
		for _, mode := range []fs.FileMode{0o600, 0o777, 0o444} {
			if err := seg.SetMode(mode); err != nil {
				t.Fatal(err)
			}
			got := segStat(t, seg)
			segTime(t, "ctime", got.CTime, before, time.Now())
			if !got.CTime.After(created.CTime) {
				t.Errorf("ctime is %v, was %v", got.CTime, created.CTime)
			}
			want := created
			want.Mode, want.CTime = mode, got.CTime
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("mode %#o (-want +got)\n%s", mode, diff)
			}
		}
	}},

	{"SHM-103", "IPC_SET keeps SHM_LOCKED and SHM_DEST (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, nil)
		segAttach(t, seg, nil)
		segLock(t, seg)
		for _, removed := range []bool{false, true} {
			if removed {
				segRemove(t, seg)
			}
			st := segStat(t, seg)
			if err := seg.SetPerm(st.UID, st.GID, 0o640); err != nil {
				t.Fatal(err)
			}
			if st := segStat(t, seg); !st.Locked || st.Dest != removed || st.Mode != 0o640 {
				t.Errorf("locked %v, dest %v, mode %#o, want true, %v, 0640", st.Locked, st.Dest, st.Mode, removed)
			}
		}
	}},

	{"SHM-104", "IPC_SET of an owner or group that is none, or not mapped here, is EINVAL (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 1, nil)
		before := segStat(t, seg)
		shmErr(t, seg.SetPerm(math.MaxUint32, before.GID, 0o666), syscall.EINVAL)
		shmErr(t, seg.SetPerm(before.UID, math.MaxUint32, 0o666), syscall.EINVAL)
		if after := segStat(t, seg); after.Perm != before.Perm {
			t.Errorf("changed nevertheless: %+v, was %+v", after.Perm, before.Perm)
		}

		p := shmStart(t, "both namespaces", shmOwnNamespace(true), shmUserNamespaceCure)
		p.ok("create private 1")
		p.refused(syscall.EINVAL, "set-perm 1 0 0666")
		p.refused(syscall.EINVAL, "set-perm 0 1 0666")
		p.ok("set-perm 0 0 0666")
	}},

	{"SHM-115", "uids above 65535 are whole: no call uses the layout before IPC_64 (shmctl(2))", func(t *testing.T) {
		const id = 70000
		p := shmStart(t, "user 70000", shmMapped(syscall.CLONE_NEWIPC, id), shmUserNamespaceCure)
		p.ok("create 1 10")
		p.ok("set-perm %d %d 0640", id, id)
		want := sysv.Perm{Key: 1, UID: id, GID: id, CUID: id, CGID: id, Mode: 0o640}
		if got := shmAsk[shm.Stat](p, "stat"); got.Perm != want {
			t.Errorf("%+v, want %+v", got.Perm, want)
		}
	}},

	{"SHM-127", "every command that takes a struct takes the one of this architecture (ipc_parse_version in ipc/util.c)", func(t *testing.T) {
		emulator.Mode.Skip(t)
		emulator.StatAny.Skip(t)
		p := shmNamespace(t)
		id := p.num("create 0x12345678 5000")
		p.ok("set-perm 0 0 0640")
		want := sysv.Perm{Key: 0x12345678, Mode: 0o640}
		st := shmAsk[shm.Stat](p, "stat")
		if st.Perm != want || st.Size != 5000 {
			t.Errorf("IPC_STAT: %+v, want %+v and 5000 bytes", st, want)
		}
		if u := shmAsk[shm.SystemUsage](p, "usage"); u.Segments != 1 || u.Pages != uint64((5000+shmPage-1)/shmPage) {
			t.Errorf("SHM_INFO: %+v, want 1 segment of 5000 bytes", u)
		}
		proc := shmAsk[shm.SystemLimits](p, "limits")
		p.ok("chroot %s", t.TempDir())
		if l := shmAsk[shm.SystemLimits](p, "limits"); l.ShmMNI != proc.ShmMNI || l.ShmMin != 1 {
			t.Errorf("IPC_INFO: %+v, want %+v", l, proc)
		}
		if list := shmAsk[[]shm.Stat](p, "list"); len(list) != 1 || list[0] != st || uint64(st.ID) != id {
			t.Errorf("SHM_STAT_ANY: %+v, want %+v", list, st)
		}
	}},
}

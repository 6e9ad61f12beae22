//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

// A lookup asks for no permission: what the kernel would refuse there it
// refuses when the segment is attached or asked about.
var shmStrangerRows = []row{
	{"SHM-009", "a stranger finds no segment that he may use: here he finds it, and every use is EACCES (shmget(2))", func(t *testing.T) {
		for _, mode := range []fs.FileMode{0, 0o600} {
			seg := segCreateMode(t, mode)
			p := shmStranger(t)
			p.ok("open %v", seg.Key())
			p.refused(syscall.EACCES, "attach-read-only")
			p.refused(syscall.EACCES, "attach")
			p.refused(syscall.EACCES, "stat")
		}
	}},

	{"SHM-010", "an owner whom the mode refuses finds his segment, and each use that it refuses is EACCES (shmget(2))", func(t *testing.T) {
		p := shmOrdinary(t)
		for mode, refused := range map[fs.FileMode][]string{
			0:     {"attach-read-only", "attach", "stat"},
			0o200: {"attach-read-only", "attach", "stat"},
			0o400: {"attach"},
		} {
			seg := segOwnedBy(t, p, mode)
			p.ok("open %v", seg.Key())
			for _, verb := range refused {
				p.refused(syscall.EACCES, "%s", verb)
			}
		}
	}},

	{"SHM-039", "shmat by a stranger is EACCES (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		segRefuses(t, seg, syscall.EACCES, "attach", "attach-read-only")
		segNattch(t, seg, 0)
	}},

	{"SHM-040", "read permission alone attaches read-only, and read-write is EACCES (shmop(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		p := shmOrdinary(t)
		segOwnedBy(t, p, 0o400)
		p.refused(syscall.EACCES, "attach")
		p.ok("attach-read-only")
		p.ok("read 0 1")
	}},

	{"SHM-056", "the owner's bits decide for the owner, whatever others may (ipcperms in ipc/util.c)", func(t *testing.T) {
		emulator.Mode.Skip(t)
		p := shmOrdinary(t)
		segOwnedBy(t, p, 0o066)
		p.refused(syscall.EACCES, "attach")
		p.refused(syscall.EACCES, "attach-read-only")
		p.ok("set-mode 0600")
		p.ok("attach")
	}},

	{"SHM-074", "IPC_STAT by an owner whom the mode refuses is EACCES (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		p := shmOrdinary(t)
		segOwnedBy(t, p, 0)
		p.refused(syscall.EACCES, "stat")
		p.ok("set-mode 0400")
		p.ok("stat")
	}},

	{"SHM-075", "IPC_STAT by a stranger is EACCES (shmctl(2))", func(t *testing.T) {
		segRefuses(t, segCreate(t, 10, nil), syscall.EACCES, "stat")
	}},

	{"SHM-080", "IPC_RMID by a stranger is EPERM (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, &shm.Config{Mode: 0o666})
		segRefuses(t, seg, syscall.EPERM, "remove")
		if segStat(t, seg).Dest {
			t.Error("removed")
		}
	}},

	{"SHM-081", "IPC_SET by a stranger is EPERM (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, &shm.Config{Mode: 0o666})
		before := segStat(t, seg)
		segRefuses(t, seg, syscall.EPERM, "set-mode 0640", "set-perm 0 0 0666", fmt.Sprintf("set-perm %d %d 0666", shmAlice, shmAlice))
		if after := segStat(t, seg); after != before {
			t.Errorf("changed to %+v, was %+v", after, before)
		}
	}},

	{"SHM-082", "SHM_LOCK by a stranger is EPERM (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, &shm.Config{Mode: 0o666})
		segRefuses(t, seg, syscall.EPERM, "lock")
		if segStat(t, seg).Locked {
			t.Error("locked")
		}
	}},

	{"SHM-083", "SHM_UNLOCK by a stranger is EPERM (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, &shm.Config{Mode: 0o666})
		segLock(t, seg)
		segRefuses(t, seg, syscall.EPERM, "unlock")
		if !segStat(t, seg).Locked {
			t.Error("unlocked")
		}
	}},

	{"SHM-105", "an owner who is not the creator attaches, sets and removes (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t)
		seg := segCreate(t, 10, nil)
		p := shmStranger(t)
		p.ok("open-id %d", seg.ID())
		p.refused(syscall.EACCES, "attach")
		if err := seg.SetPerm(shmAlice, shmFriends, 0o600); err != nil {
			t.Fatal(err)
		}
		other := shmAs(t, shmBob, shmBob)
		other.ok("open-id %d", seg.ID())
		other.refused(syscall.EACCES, "attach")
		p.ok("attach")
		p.ok("set-mode 0640")
		if st := segStat(t, seg); st.UID != shmAlice || st.GID != shmFriends || st.CUID != 0 || st.Mode != 0o640 {
			t.Errorf("given away it is %+v", st.Perm)
		}
		p.ok("detach")
		p.ok("remove")
		segGone(t, seg)
	}},
}

// segRefuses has a stranger try what must fail with this errno.
func segRefuses(t *testing.T, seg *shm.Segment, want syscall.Errno, lines ...string) {
	t.Helper()
	p := shmStranger(t)
	p.ok("open-id %d", seg.ID())
	for _, line := range lines {
		p.refused(want, "%s", line)
	}
}

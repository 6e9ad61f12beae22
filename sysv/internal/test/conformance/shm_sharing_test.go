//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

var shmSharingRows = []row{
	{"SHM-049", "a segment attached twice is the same memory at two addresses (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 2*shmPage, nil)
		a, b := segAttach(t, seg, nil), segAttach(t, seg, nil)
		if segAddr(a) == segAddr(b) {
			t.Fatalf("both at %#x", segAddr(a))
		}
		for i, off := range []int{0, shmPage - 1, shmPage, 2*shmPage - 1} {
			from, to := a, b
			if i%2 != 0 {
				from, to = b, a
			}
			from.Bytes()[off] = byte(i + 1)
			if got := to.Bytes()[off]; got != byte(i+1) {
				t.Errorf("byte %d is %d in the other, want %d", off, got, i+1)
			}
		}
		segNattch(t, seg, 2)
	}},

	{"SHM-051", "another process that attaches by id has the same memory (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		copy(m.Bytes(), "ping")
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		if got := p.ok("read 0 4"); got != "ping" {
			t.Errorf("the other process reads %q, want ping", got)
		}
		p.ok("write 6 pong")
		if got := string(m.Bytes()[6:]); got != "pong" {
			t.Errorf("the other process wrote %q, want pong", got)
		}
	}},

	// A child in a user namespace comes of a fork, not of a vfork, and reads its
	// AmbientCaps between that and exec: see forkAndExecInChild1 in package
	// syscall.
	{"SHM-052", "fork inherits an attachment, which counts until the child's exec or end (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		attr := shmMapped(0, 0)
		var err error
		if attr.AmbientCaps, err = shm.Slice[uintptr](m, 0, 1); err != nil {
			t.Fatal(err)
		}
		attr.AmbientCaps[0] = unix.CAP_NET_RAW
		p := shmStart(t, "fork", attr, shmUserNamespaceCure)
		if got := p.num("ambient-caps"); got != 1<<unix.CAP_NET_RAW {
			t.Errorf("the child read capabilities %#x, want %#x", got, 1<<unix.CAP_NET_RAW)
		}
		if st := segStat(t, seg); st.Nattch != 1 || st.LPID != p.Process.Process.Pid || st.DTime.IsZero() {
			t.Errorf("nattch is %d, lpid %d, dtime %v, want 1 after a detach by %d", st.Nattch, st.LPID, st.DTime, p.Process.Process.Pid)
		}
	}},

	{"SHM-053", "processes that attach and detach all the time leave nobody attached (shmop(2))", func(t *testing.T) {
		const rounds = 300
		seg := segCreate(t, 10, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.Send(fmt.Sprint("attach-often ", rounds))
		for range rounds {
			segDetach(t, segAttach(t, seg, nil))
		}
		p.Expect("ok")
		segNattch(t, seg, 0)
	}},

	{"SHM-054", "the memory stays while nobody is attached (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		p.ok("write 0 still")
		p.ok("detach")
		segNattch(t, seg, 0)
		for _, cfg := range []*shm.AttachConfig{nil, {ReadOnly: true}} {
			m := segAttach(t, seg, cfg)
			if got := string(m.Bytes()[:5]); got != "still" {
				t.Errorf("it has %q, want still", got)
			}
			segDetach(t, m)
		}
	}},

	{"SHM-070", "IPC_STAT, SHM_STAT_ANY and the table count the attachments of many processes alike (shmctl(2))", func(t *testing.T) {
		const processes = 20
		seg := segCreate(t, 10, nil)
		bare := shmUserNamespace(t)
		bare.ok("chroot %s", t.TempDir()) // where List is SHM_STAT_ANY
		check := func(want int) {
			t.Helper()
			segNattch(t, seg, want)
			for name, list := range map[string][]shm.Stat{"table": shmList(t), "SHM_STAT_ANY": shmAsk[[]shm.Stat](bare, "list")} {
				if st, _ := segListed(list, seg.ID()); st.Nattch != want {
					t.Errorf("%s: nattch is %d, want %d", name, st.Nattch, want)
				}
			}
		}
		check(0)
		peers := make([]shmPeer, processes)
		for i := range peers {
			peers[i] = shmSelf(t)
		}
		for _, p := range peers {
			p.ok("open-id %d", seg.ID())
			p.ok("attach")
		}
		check(processes)
		segAttach(t, seg, nil)
		check(processes + 1)
		for _, p := range peers {
			p.Finish()
		}
		check(1)
	}},

	{"SHM-072", "a process that is killed is detached, and is the last that was (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		segNattch(t, seg, 1)
		segDetach(t, segAttach(t, seg, nil))
		p.Kill()
		kit.Eventually(t, "detached", func() bool { return segStat(t, seg).Nattch == 0 })
		if st := segStat(t, seg); st.LPID != p.Process.Process.Pid {
			t.Errorf("lpid is %d, want %d of the killed process", st.LPID, p.Process.Process.Pid)
		}
	}},

	{"SHM-073", "exec detaches, and a child process inherits nothing (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		p := shmSelf(t)
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		p.ok("child pid")
		segNattch(t, seg, 1)
		pid := p.ok("pid")
		p.ok("exec")
		segNattch(t, seg, 0)
		if again := p.ok("pid"); again != pid {
			t.Errorf("process %s answers after exec, want %s", again, pid)
		}
	}},

	{"SHM-050", "a removed segment's memory is there until the last detach (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		a, b := segAttach(t, seg, nil), segAttach(t, seg, nil)
		segRemove(t, seg)
		for i, m := range []*shm.Mapping{a, b} {
			m.Bytes()[i] = byte(i + 1)
			if _, err := m.WriteAt([]byte{9}, 9); err != nil {
				t.Error(err)
			}
		}
		if got := [2]byte(b.Bytes()); got != [2]byte{1, 2} {
			t.Errorf("it has %v, want 1 and 2", got)
		}
		segDetach(t, a)
		if got := b.Bytes()[9]; got != 9 {
			t.Errorf("after the first detach it has %d, want 9", got)
		}
		segDetach(t, b)
		segGone(t, seg)
	}},

	{"SHM-036", "a read-only attachment reads, and a write to it is SIGSEGV (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		copy(m.Bytes(), "original")
		ro := segAttach(t, seg, &shm.AttachConfig{ReadOnly: true})
		if got := string(ro.Bytes()[:8]); got != "original" {
			t.Errorf("it reads %q, want original", got)
		}
		_, err := ro.WriteAt([]byte("x"), 0)
		shmErr(t, err, fs.ErrPermission)
		segFault(t, seg, "attach-read-only", "read 0 8", "poke 0")
		if got := string(m.Bytes()[:8]); got != "original" {
			t.Errorf("it has %q afterwards, want original", got)
		}
	}},
}

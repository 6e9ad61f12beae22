//go:build linux && !android

package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

var shmNamespaceRows = []row{
	{"SHM-116", "a key is not in use in a new IPC namespace, and is to a child in the same one (ipc_namespaces(7))", func(t *testing.T) {
		seg := segCreate(t, 100, nil)
		inside, here := shmNamespace(t), shmSelf(t)
		inside.refused(syscall.ENOENT, "open %v", seg.Key())
		if list := shmAsk[[]shm.Stat](inside, "list"); len(list) != 0 {
			t.Errorf("inside there is %+v", list)
		}
		if id := here.num("open %v", seg.Key()); id != uint64(seg.ID()) {
			t.Errorf("a child finds id %d, want %d", id, seg.ID())
		}
	}},

	{"SHM-117", "a key made in one namespace is not in use in its sibling (ipc_namespaces(7))", func(t *testing.T) {
		key := sysv.RandomKey()
		a, b := shmNamespace(t), shmNamespace(t)
		a.ok("create %v 100", key)
		b.refused(syscall.ENOENT, "open %v", key)
		_, err := shm.Open(key, nil)
		shmErr(t, err, syscall.ENOENT)
		a.ok("open %v", key)
	}},

	{"SHM-118", "segments of one key in two namespaces have memory of their own (ipc_namespaces(7))", func(t *testing.T) {
		key := sysv.RandomKey()
		peers := map[string]shmPeer{"A": shmNamespace(t), "B": shmNamespace(t)}
		for name, p := range peers {
			p.ok("create %v 10", key)
			p.ok("attach")
			p.ok("write 0 %s", name)
		}
		for name, p := range peers {
			if got := p.ok("read 0 1"); got != name {
				t.Errorf("%s reads %q", name, got)
			}
		}
	}},

	{"SHM-120", "an ordinary user in namespaces of his own has every right there (user_namespaces(7))", func(t *testing.T) {
		emulator.Namespaces.Skip(t)
		p := shmOrdinary(t)
		inside := func(line string) string {
			t.Helper()
			reply, err := p.try("child-in-namespace %s", line)
			if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
				t.Skipf("skipping, %s: %v", shmUserNamespaceCure, err)
			}
			if err != nil {
				t.Fatal(err)
			}
			return reply
		}
		if got := inside("create 1 10; set-mode 0; attach; write 0 x; read 0 1"); got != "x" {
			t.Errorf("it reads %q, want x", got)
		}
		if got := inside("sysctl shmmni 7; read-sysctl shmmni"); got != "7" {
			t.Errorf("shmmni is %q, want 7", got)
		}
	}},

	{"SHM-121", "root of a user namespace is nobody in its parent's IPC namespace, and sees the ids that it lacks as the overflow id (user_namespaces(7))", func(t *testing.T) {
		seg := segCreateMode(t, 0)
		root := shmUserNamespace(t)
		root.ok("open-id %d", seg.ID())
		root.refused(syscall.EACCES, "attach")
		root.refused(syscall.EACCES, "stat")

		unmapped := shmStart(t, "user namespace without ids", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}, shmUserNamespaceCure)
		uid, gid := shmRead(t, "/proc/sys/kernel/overflowuid"), shmRead(t, "/proc/sys/kernel/overflowgid")
		for p, want := range map[shmPeer][]string{root: {"0", "0"}, unmapped: {uid, gid}} {
			st, ok := segListed(shmAsk[[]shm.Stat](p, "list"), seg.ID())
			if got := strings.Fields(fmt.Sprint(st.UID, st.GID)); !ok || got[0] != want[0] || got[1] != want[1] {
				t.Errorf("listed %v with owner %v, want %v", ok, got, want)
			}
		}
	}},

	{"SHM-122", "a process that is not visible in the PID namespace is process 0 (shmctl(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		attr := &syscall.SysProcAttr{}
		if os.Geteuid() != 0 {
			attr = shmMapped(0, 0)
		}
		attr.Cloneflags |= syscall.CLONE_NEWPID
		p := shmStart(t, "PID namespace", attr, shmUserNamespaceCure)
		p.ok("open-id %d", seg.ID())
		segAttach(t, seg, nil)
		if st := shmAsk[shm.Stat](p, "stat"); st.CPID != 0 || st.LPID != 0 {
			t.Errorf("inside: cpid is %d, lpid %d, want 0", st.CPID, st.LPID)
		}
		p.ok("attach")
		if st := shmAsk[shm.Stat](p, "stat"); st.CPID != 0 || st.LPID != 1 {
			t.Errorf("inside: cpid is %d, lpid %d, want 0 and its own 1", st.CPID, st.LPID)
		}
		if st := segStat(t, seg); st.CPID != os.Getpid() || st.LPID != p.Process.Process.Pid {
			t.Errorf("outside: cpid is %d, lpid %d, want %d and %d", st.CPID, st.LPID, os.Getpid(), p.Process.Process.Pid)
		}
	}},

	{"SHM-123", "the segments of an IPC namespace go with its last process (ipc_namespaces(7))", func(t *testing.T) {
		const size = 64 << 20
		p := shmNamespace(t)
		p.ok("create 1 %d", size)
		p.ok("attach")
		p.ok("fill")
		p.ok("detach")
		full := shmMemory(t)
		p.Kill()
		kit.Eventually(t, "given back", func() bool { return shmMemory(t) < full-size/2 })
	}},
}

// shmMemory is how many bytes the machine has in shared memory.
func shmMemory(t *testing.T) int64 {
	t.Helper()
	for line := range bytes.Lines([]byte(shmRead(t, "/proc/meminfo"))) {
		if rest, ok := bytes.CutPrefix(line, []byte("Shmem:")); ok {
			kb, err := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("/proc/meminfo has no Shmem")
	panic("unreachable")
}

//go:build linux && !android

package shm_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestLimitsAreTheSysctls(t *testing.T) {
	got, err := shm.Limits()
	if err != nil {
		t.Fatal(err)
	}
	if got.ShmMin != 1 {
		t.Errorf("shmmin %d, want 1", got.ShmMin)
	}
	for name, v := range map[string]uint64{"shmmax": got.ShmMax, "shmall": got.ShmAll, "shmmni": got.ShmMNI} {
		text, err := os.ReadFile("/proc/sys/kernel/" + name)
		if err != nil {
			t.Skipf("skipping, mount /proc: %v", err)
		}
		if want := strings.TrimSpace(string(text)); fmt.Sprint(v) != want {
			t.Errorf("%s is %d, want %s", name, v, want)
		}
	}
}

// The rest is about a namespace as a whole, where nobody else may come and go:
// it happens in a new one.

func TestFirstSegmentHasID0(t *testing.T) {
	p := startInNamespace(t)
	p.ok("create 0x4d2 10")
	if id := p.ok("id"); id != "0" {
		t.Skipf("skipping, the first id is %s here: run on Linux with kernel.shm_next_id at -1", id)
	}
	p.ok("open-id 0")
	p.ok("attach")
	p.ok("write 0 x")
	p.ok("detach")
	p.ok("remove")
	p.refused(sysv.ErrRemoved, "stat", "shmctl segment 0: ")
}

func TestNamespacesShareNothing(t *testing.T) {
	seg := create(t, 10, nil)
	p := startInNamespace(t)
	p.refused(os.ErrNotExist, "open "+seg.Key().String())
	p.ok("create %v 20", seg.Key())
	if got, err := shm.Open(seg.Key(), nil); err != nil || *got != *seg {
		t.Errorf("Open = %+v, %v, want our own %+v", got, err, *seg)
	}
}

func TestUsage(t *testing.T) {
	p := startInNamespace(t)
	page := os.Getpagesize()
	check := func(when string, want shm.SystemUsage) {
		t.Helper()
		got := asked[shm.SystemUsage](p, "usage")
		got.Resident = min(got.Resident, want.Resident) // the kernel may give more at once
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", when, diff)
		}
	}
	check("at first", shm.SystemUsage{})
	p.ok("create 1 %d", 2*page)
	check("one", shm.SystemUsage{Segments: 1, Pages: 2})
	p.ok("create 2 %d", page+1)
	check("two", shm.SystemUsage{Segments: 2, Pages: 4})
	p.ok("attach")
	p.ok("write 0 x")
	p.ok("write %d x", page)
	check("touched", shm.SystemUsage{Segments: 2, Pages: 4, Resident: 2})
	p.ok("remove")
	check("removed while attached", shm.SystemUsage{Segments: 2, Pages: 4, Resident: 2})
	p.ok("detach")
	check("detached", shm.SystemUsage{Segments: 1, Pages: 2})
}

func TestListShowsResidentPages(t *testing.T) {
	p := startInNamespace(t)
	p.ok("create 1 %d", 2*os.Getpagesize())
	p.ok("attach")
	if got := asked[[]shm.Stat](p, "list"); len(got) != 1 || got[0].RSS != 0 {
		t.Errorf("untouched: %+v", got)
	}
	p.ok("write 0 x")
	if got := asked[[]shm.Stat](p, "list"); len(got) != 1 || got[0].RSS < int64(os.Getpagesize()) {
		t.Errorf("touched: %+v", got)
	}
}

// Each limit, reached, is named by the hint with its value and what is in use.
func TestLimitsReached(t *testing.T) {
	p := startInNamespace(t)
	limit := func(name, value string) {
		t.Helper()
		p.Send("sysctl " + name + " " + value)
		if reply := p.Line(); reply != "ok" {
			t.Skipf("skipping, run as root or on a newer kernel, which lets a namespace's owner set its limits: %s", reply)
		}
	}
	page := os.Getpagesize()
	limit("shmmni", "2")
	p.ok("create 1 1")
	p.ok("create 2 1")
	p.refused(syscall.ENOSPC, "create 3 1", "shmget key 0x00000003", "2 of 2 segments in use (kernel.shmmni)")
	p.refused(syscall.ENOSPC, "open-or-create 3 1", "kernel.shmmni")
	p.ok("remove")
	p.ok("create 3 1")
	limit("shmmni", "4096")

	limit("shmall", "5") // two are in use
	p.refused(syscall.ENOSPC, fmt.Sprintf("create 4 %d", 3*page+1),
		"4 pages asked for, 2 of 5 in use (kernel.shmall)")
	p.ok("create 4 %d", 3*page)
	limit("shmall", "1000")

	limit("shmmax", "8000")
	p.refused(syscall.EINVAL, "create 5 8001", "size 8001 is above 8000 (kernel.shmmax)")
	p.ok("create 5 8000")

	want := shm.SystemLimits{ShmMax: 8000, ShmMin: 1, ShmAll: 1000, ShmMNI: 4096}
	if diff := cmp.Diff(want, asked[shm.SystemLimits](p, "limits")); diff != "" {
		t.Errorf("Limits (-want +got)\n%s", diff)
	}
}

// startInNamespace starts a peer in an IPC namespace of its own, with the right
// to set its limits. Its objects end with it.
func startInNamespace(t *testing.T) peerProcess {
	t.Helper()
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	probe := sysvtest.Command(peer)
	probe.SysProcAttr = attr
	if err := probe.Run(); err != nil {
		t.Skipf("skipping, run as root or allow unprivileged user namespaces: %v", err)
	}
	return startPeer(t, attr)
}

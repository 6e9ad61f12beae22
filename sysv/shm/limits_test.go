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
	if got, err := shm.Open(seg.Key(), nil); err != nil || namedBy(got) != namedBy(seg) {
		t.Errorf("Open = %+v, %v, want our own %+v", got, err, namedBy(seg))
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

// Each limit is reached, in a namespace where a page is in use already. The one
// creation too many is refused, says which limit it was and what is in use, and
// changes nothing.
func TestLimitsReached(t *testing.T) {
	page := os.Getpagesize()
	for _, tt := range []struct {
		name           string
		value          int
		allows, denies int // bytes of the creation that reaches the limit, and of the next
		want           error
		hint           string
	}{
		{"shmmni", 2, 1, 1, syscall.ENOSPC, "2 of 2 segments in use (SHMMNI, kernel.shmmni)"},
		{"shmall", 5, 4 * page, page + 1, syscall.ENOSPC, "2 pages asked for, 5 of 5 in use (SHMALL, kernel.shmall)"},
		{"shmmax", 8000, 8000, 8001, syscall.EINVAL, "size 8001 is above 8000 (SHMMAX, kernel.shmmax)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startInNamespace(t)
			p.ok("create 1 %d", page)
			p.ok("attach")
			p.ok("write 0 kept")
			p.limit(tt.name, tt.value)
			p.ok("create 2 %d", tt.allows)
			before := asked[[]shm.Stat](p, "list")
			for _, verb := range []string{"create", "open-or-create"} {
				p.refused(tt.want, fmt.Sprintf("%s 3 %d", verb, tt.denies), "shmget key 0x00000003", tt.hint)
			}
			p.refused(os.ErrNotExist, "open 3")
			if diff := cmp.Diff(before, asked[[]shm.Stat](p, "list")); diff != "" || len(before) != 2 {
				t.Errorf("%d segments before (-before +after)\n%s", len(before), diff)
			}
			if got := p.ok("read 0 4"); got != "kept" {
				t.Errorf("the first segment has %q, want kept", got)
			}
			p.ok("remove") // the second makes room again
			p.ok("create 3 %d", tt.allows)
		})
	}
}

func TestLimitsAreTheNamespaces(t *testing.T) {
	p := startInNamespace(t)
	p.limit("shmmax", 8000)
	p.limit("shmall", 1000)
	p.limit("shmmni", 2000)
	want := shm.SystemLimits{ShmMax: 8000, ShmMin: 1, ShmAll: 1000, ShmMNI: 2000}
	if diff := cmp.Diff(want, asked[shm.SystemLimits](p, "limits")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// limit sets a limit of the peer's namespace.
func (p peerProcess) limit(name string, value int) {
	p.t.Helper()
	p.Send(fmt.Sprintf("sysctl %s %d", name, value))
	if reply := p.Line(); reply != "ok" {
		p.t.Skipf("skipping, run as root or on a newer kernel, which lets a namespace's owner set its limits: %s", reply)
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

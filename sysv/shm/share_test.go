//go:build linux && !android

package shm_test

import (
	"os"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
)

func TestProcessesShareMemory(t *testing.T) {
	seg := create(t, 4096, nil)
	m := attach(t, seg, nil)
	other := startPeer(t, nil)
	other.ok("open %v", seg.Key())
	other.ok("attach")

	if _, err := m.WriteAt([]byte("ping"), 100); err != nil {
		t.Fatal(err)
	}
	if got := other.ok("read 100 4"); got != "ping" {
		t.Errorf("the other process reads %q, want ping", got)
	}
	other.ok("write 4092 pong")
	if got := string(m.Bytes()[4092:]); got != "pong" {
		t.Errorf("the other process wrote %q, want pong", got)
	}
}

func TestMemoryOutlivesItsAttachments(t *testing.T) {
	seg := create(t, 10, nil)
	writer := startPeer(t, nil)
	writer.ok("open-id %d", seg.ID())
	writer.ok("attach")
	writer.ok("write 0 still")
	writer.Finish()
	if got := string(attach(t, seg, nil).Bytes()[:5]); got != "still" {
		t.Errorf("the segment has %q, want still", got)
	}
}

func TestStatFollowsAttachments(t *testing.T) {
	seg := create(t, 1, nil)
	other := startPeer(t, nil)
	other.ok("open-id %d", seg.ID())
	check := func(when string, nattch, lpid int, attached, detached bool) {
		t.Helper()
		st := stat(t, seg)
		if st.Nattch != nattch || st.LPID != lpid || st.ATime.IsZero() == attached || st.DTime.IsZero() == detached {
			t.Errorf("%s: nattch %d by %d, atime %v, dtime %v", when, st.Nattch, st.LPID, st.ATime, st.DTime)
		}
		if l, _ := listed(t, seg.ID()); l.Nattch != nattch {
			t.Errorf("%s: List says nattch %d, want %d", when, l.Nattch, nattch)
		}
	}
	check("new", 0, 0, false, false)
	m := attach(t, seg, nil)
	check("attached here", 1, os.Getpid(), true, false)
	other.ok("attach")
	check("attached there", 2, other.Process.Process.Pid, true, false)
	detach(t, m)
	check("detached here", 1, os.Getpid(), true, true)
	other.ok("detach")
	check("detached there", 0, other.Process.Process.Pid, true, true)
}

func TestKilledProcessDetaches(t *testing.T) {
	seg := create(t, 1, nil)
	other := startPeer(t, nil)
	other.ok("open-id %d", seg.ID())
	other.ok("attach")
	if st := stat(t, seg); st.Nattch != 1 {
		t.Fatalf("nattch %d, want 1", st.Nattch)
	}
	other.Kill()
	kit.Eventually(t, "the dead process is detached", func() bool { return stat(t, seg).Nattch == 0 })
}

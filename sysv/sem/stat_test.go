//go:build linux && !android

package sem_test

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreTimes = cmpopts.IgnoreFields(sem.Stat{}, "OTime", "CTime")

// ignoreSeq is for comparing with lists, which don't have it.
var ignoreSeq = cmpopts.IgnoreFields(sysv.Perm{}, "Seq")

func statOf(t *testing.T, s *sem.Set) sem.Stat {
	t.Helper()
	stat, err := s.Stat()
	kit.Must(t, err)
	return stat
}

func TestStat(t *testing.T) {
	emulator.Mode.Skip(t)
	key := newKey(t)
	s, err := sem.Create(key, []int{1, 2, 3}, &sem.Config{Mode: 0o640})
	kit.Must(t, err)
	got := statOf(t, s)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	want := sem.Stat{
		ID:   s.ID(),
		Len:  3,
		Perm: sysv.Perm{Key: key, UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: 0o640},
	}
	if diff := cmp.Diff(want, got, ignoreTimes, ignoreSeq); diff != "" {
		t.Errorf("Stat (-want +got):\n%s", diff)
	}
	for name, when := range map[string]time.Time{"OTime": got.OTime, "CTime": got.CTime} {
		if ago := time.Since(when); ago < -time.Minute || ago > time.Minute {
			t.Errorf("%s is %v, %v ago", name, when, ago)
		}
	}
}

func TestList(t *testing.T) {
	emulator.Mode.Skip(t)
	before := list(t)
	var want []sem.Stat
	for n := range 3 {
		want = append(want, statOf(t, newSet(t, repeat(n+1, 1)...)))
	}
	bare := bareSet(t, newKey(t), 4, 0o000) // of which an owner can't have a Stat
	known := make(map[int]bool)
	for _, stat := range before {
		known[stat.ID] = true
	}
	var got []sem.Stat
	for _, stat := range list(t) {
		switch {
		case stat.ID == bare:
			if stat.Len != 4 || stat.Mode != 0 || !stat.OTime.IsZero() {
				t.Errorf("bare set: %+v", stat)
			}
			bare = -1
		case !known[stat.ID]:
			got = append(got, stat)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b sem.Stat) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, got, ignoreSeq, sorted); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if bare != -1 {
		t.Error("the set with mode 0 is not in the list")
	}
}

func TestLimits(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/sem")
	kit.Must(t, err)
	want := sem.SystemLimits{SemVMX: 32767, SemAEM: 32767}
	_, err = fmt.Sscan(string(text), &want.SemMSL, &want.SemMNS, &want.SemOPM, &want.SemMNI)
	kit.Must(t, err)
	got, err := sem.Limits()
	kit.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Limits (-want +got):\n%s", diff)
	}
}

func TestUsage(t *testing.T) {
	newSet(t, 1, 2, 3)
	newSet(t, 0)
	var want sem.SystemUsage
	for _, stat := range list(t) {
		want.Sets++
		want.Semaphores += stat.Len
	}
	got, err := sem.Usage()
	kit.Must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Usage (-list +got):\n%s", diff)
	}
	if got.Sets < 2 || got.Semaphores < 4 {
		t.Errorf("%+v with 2 sets of 4 semaphores", got)
	}
}

func TestSetModeKeepsTheRest(t *testing.T) {
	emulator.Mode.Skip(t)
	s := newSet(t, 1, 2)
	want := statOf(t, s)
	if want.UID == 0 {
		want.UID, want.GID = kit.Nobody, kit.Nobody
		kit.Must(t, s.SetPerm(want.UID, want.GID, want.Mode))
	}
	for _, want.Mode = range []fs.FileMode{0o666, 0o777, 0o400, 0o600} {
		kit.Must(t, s.SetMode(want.Mode))
		if diff := cmp.Diff(want, statOf(t, s), ignoreTimes); diff != "" {
			t.Errorf("after SetMode(%#o) (-want +got):\n%s", uint32(want.Mode), diff)
		}
	}
	wantValues(t, s, 1, 2)
}

func TestSetPermGivesTheSetAway(t *testing.T) {
	emulator.Mode.Skip(t)
	kit.NeedRoot(t, "has another user to give it to")
	s := newSet(t, 1)
	want := statOf(t, s)
	want.UID, want.GID, want.Mode = 12, 34, 0o440
	kit.Must(t, s.SetPerm(12, 34, 0o440))
	if diff := cmp.Diff(want, statOf(t, s), ignoreTimes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSetPermRefuses(t *testing.T) {
	s := newSet(t, 1)
	want := statOf(t, s)
	const none = 1<<32 - 1
	kit.WantError(t, s.SetPerm(none, want.GID, 0o600), syscall.EINVAL)
	kit.WantError(t, s.SetPerm(want.UID, none, 0o600), syscall.EINVAL)
	for _, mode := range []fs.FileMode{0o1600, 0o4600, fs.ModeDir | 0o600} {
		kit.WantHint(t, s.SetPerm(want.UID, want.GID, mode), syscall.EINVAL, "0o777")
		kit.WantHint(t, s.SetMode(mode), syscall.EINVAL, "0o777")
	}
	if diff := cmp.Diff(want, statOf(t, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

var (
	semIgnoreOTime = cmpopts.IgnoreFields(sem.Stat{}, "OTime")
	semIgnoreCTime = cmpopts.IgnoreFields(sem.Stat{}, "CTime")
	semIgnoreTimes = cmpopts.IgnoreFields(sem.Stat{}, "OTime", "CTime")
)

// State, removal and the table of sets: semctl(2), proc(5).
var semStatRows = []row{
	{"SEM-079", "IPC_STAT says length, mode, owner and creator", func(t *testing.T) {
		emulator.Mode.Skip(t)
		uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
		s := newSetOfMode(t, 0o640, 1, 2, 3, 4)
		want := sem.Stat{ID: s.ID(), Len: 4, Perm: sysv.Perm{UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: 0o640}}
		wantSame(t, "new", setStat(t, s), want, ignoreSeq, semIgnoreTimes)
		if uid == 0 {
			want.UID, want.GID, want.Mode = 12, 34, 0o604
			kit.Must(t, s.SetPerm(12, 34, 0o604))
			wantSame(t, "given away", setStat(t, s), want, ignoreSeq, semIgnoreTimes)
		}
	}},
	{"SEM-080", "IPC_SET changes the mode and ctime, and leaves the rest", func(t *testing.T) {
		emulator.Mode.Skip(t)
		s := newSet(t, 1)
		want := setStat(t, s)
		before := want.CTime
		want.Mode = 0o642
		kit.Eventually(t, "ctime advances", func() bool {
			kit.Must(t, s.SetMode(want.Mode))
			return setStat(t, s).CTime.After(before)
		})
		wantSame(t, "Stat", setStat(t, s), want, semIgnoreCTime)
	}},
	{"SEM-100", "an id that names nothing is refused: kernel's EINVAL, here ENOENT", func(t *testing.T) {
		s := newSet(t, 1)
		kit.Must(t, s.Remove())
		for _, id := range []int{-1, math.MinInt32, math.MaxInt32, s.ID()} {
			_, err := sem.OpenID(id)
			kit.WantError(t, err, fs.ErrNotExist)
		}
	}},
	{"SEM-110", "SEM_STAT of an index returns the full id, and what IPC_STAT does", func(t *testing.T) {
		s := newSet(t, 1, 2, 3)
		kit.Must(t, s.SetMode(0o606))
		p := peerWithoutProc(t, semPeer, 0)
		p.want(s.ID(), "open-id", s.ID())
		want := askPeer[sem.Stat](p, "stat")
		wantSame(t, "id", want.ID, s.ID())
		got := askPeer[[]sem.Stat](p, "list")
		wantSame(t, "SEM_STAT_ANY", inSetList(t, got, s), want, ignoreSeq)
	}},
	{"SEM-111", "an index that no set has, the kernel's EINVAL, does not end the list", func(t *testing.T) {
		a, gap, b := newSet(t, 1), newSet(t, 1), newSet(t, 1)
		kit.Must(t, gap.Remove())
		got := askPeer[[]sem.Stat](peerWithoutProc(t, semPeer, 0), "list")
		inSetList(t, got, a)
		inSetList(t, got, b)
		if slices.ContainsFunc(got, func(stat sem.Stat) bool { return stat.ID == gap.ID() }) {
			t.Errorf("removed set %d is in the list", gap.ID())
		}
	}},
	{"SEM-112", "IPC_STAT wants read permission (EACCES), SEM_STAT_ANY none, see semctl(2)", func(t *testing.T) {
		s := newSet(t, 1, 2)
		kit.Must(t, s.SetMode(0))
		p := peerWithoutProc(t, semPeer, unix.CLONE_NEWUSER)
		p.want(s.ID(), "open-id", s.ID())
		p.want(syscall.EACCES, "stat")
		stat := inSetList(t, askPeer[[]sem.Stat](p, "list"), s)
		wantSame(t, "length", stat.Len, 2)
	}},
	{"SEM-113", "a removed set is no more, for any call: kernel's EINVAL, here ErrRemoved", func(t *testing.T) {
		s := newKeyedSet(t, 1)
		kit.Must(t, s.Remove())
		_, err := sem.Open(t.Context(), s.Key(), nil)
		kit.WantError(t, err, fs.ErrNotExist)
		for name, call := range map[string]func() error{
			"semop":    func() error { return s.Do(forever, semPost) },
			"GETVAL":   func() error { _, err := s.Value(0); return err },
			"GETALL":   func() error { _, err := s.Values(); return err },
			"GETPID":   func() error { _, err := s.LastPID(0); return err },
			"SETVAL":   func() error { return s.SetValue(0, 1) },
			"SETALL":   func() error { return s.SetValues([]int{1}) },
			"IPC_STAT": func() error { _, err := s.Stat(); return err },
			"IPC_SET":  func() error { return s.SetMode(0o600) },
			"IPC_RMID": s.Remove,
		} {
			t.Run(name, func(t *testing.T) { kit.WantError(t, call(), sysv.ErrRemoved) })
		}
	}},
	{"SEM-120", "a line of /proc/sysvipc/sem has 10 columns, which List reads", func(t *testing.T) {
		s := newKeyedSet(t, 1, 2, 3)
		kit.Must(t, s.SetMode(0o604))
		stat := setStat(t, s)
		text, err := os.ReadFile("/proc/sysvipc/sem")
		kit.Must(t, err)
		head, lines, _ := strings.Cut(string(text), "\n")
		wantSame(t, "heading", strings.Fields(head), strings.Fields("key semid perms nsems uid gid cuid cgid otime ctime"))
		want := strings.Fields(fmt.Sprintf("%d %d %o %d %d %d %d %d %d %d", int32(stat.Key), stat.ID, uint32(stat.Mode), stat.Len,
			stat.UID, stat.GID, stat.CUID, stat.CGID, stat.OTime.Unix(), stat.CTime.Unix()))
		for line := range strings.Lines(lines) {
			if got := strings.Fields(line); got[1] == strconv.Itoa(s.ID()) {
				wantSame(t, "line", got, want)
			}
		}
		wantSame(t, "List", inSetList(t, listSets(t), s), stat, ignoreSeq)
		bare := bareSet(t, 1)
		wantSame(t, "otime of never", inSetList(t, listSets(t), bare).OTime, time.Time{})
	}},
}

// inSetList returns the entry of a set.
func inSetList(t *testing.T, list []sem.Stat, s *sem.Set) sem.Stat {
	t.Helper()
	i := slices.IndexFunc(list, func(stat sem.Stat) bool { return stat.ID == s.ID() })
	if i < 0 {
		t.Fatalf("set %d is not in the list", s.ID())
	}
	return list[i]
}

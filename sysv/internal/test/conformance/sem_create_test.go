//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// Creation and lookup: semget(2).
var semCreateRows = []row{
	{"SEM-001", "a new set has the length, mode and key asked for, its creator for owner, ctime now and no otime until an operation, as which Create gives the values", func(t *testing.T) {
		emulator.Mode.Skip(t)
		uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
		want := func(s *sem.Set, key sysv.Key, mode fs.FileMode) sem.Stat {
			return sem.Stat{ID: s.ID(), Len: 3, Perm: sysv.Perm{Key: key, UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: mode}}
		}

		s := bareSet(t, 3)
		got := setStat(t, s)
		wantSame(t, "semget", got, want(s, sysv.Private, 0o600), ignoreSeq, semIgnoreCTime)
		wantNow(t, "ctime", got.CTime)

		key := newSetKey(t)
		s, err := sem.Create(key, []int{0, 0, 0}, &sem.Config{Mode: 0o640})
		kit.Must(t, err)
		got = setStat(t, s)
		wantNow(t, "ctime", got.CTime)
		wantNow(t, "otime", got.OTime)
		wantSame(t, "Create", got, want(s, key, 0o640), ignoreSeq, semIgnoreTimes)
	}},
	{"SEM-002", "the semaphores of a new set are 0 and nobody's", func(t *testing.T) {
		s := bareSet(t, 3)
		wantSetValues(t, s, 0, 0, 0)
		for num := range 3 {
			wantSame(t, "last pid", kit.Number(t)(s.LastPID(num)), 0)
		}
	}},
	{"SEM-005", "exclusive creation with a key in use is EEXIST", func(t *testing.T) {
		s := newKeyedSet(t, 5)
		_, err := sem.Create(s.Key(), []int{1}, nil)
		kit.WantError(t, err, fs.ErrExist)
		kit.WantError(t, err, syscall.EEXIST)
		wantSetValues(t, s, 5)
	}},
	{"SEM-006", "lookup of a key that no set has is ENOENT", func(t *testing.T) {
		_, err := sem.Open(t.Context(), newSetKey(t), nil)
		kit.WantError(t, err, fs.ErrNotExist)
		kit.WantError(t, err, syscall.ENOENT)
	}},
	{"SEM-010", "a set can't be had with more semaphores than it has: EINVAL", func(t *testing.T) {
		s := newKeyedSet(t, 1, 2)
		_, created, err := sem.OpenOrCreate(t.Context(), s.Key(), []int{1, 2, 3}, nil)
		kit.WantError(t, err, syscall.EINVAL)
		if created {
			t.Error("created")
		}
	}},
	{"SEM-011", "lookup finds a set whatever its length; OpenOrCreate, which knows the length, takes no longer set for the one meant", func(t *testing.T) {
		s := newKeyedSet(t, 1, 2, 3)
		opened, err := sem.Open(t.Context(), s.Key(), nil)
		kit.Must(t, err)
		wantSame(t, "id", opened.ID(), s.ID())
		wantSame(t, "length", opened.Len(), 3)

		same, created, err := sem.OpenOrCreate(t.Context(), s.Key(), []int{7, 8, 9}, nil)
		kit.Must(t, err)
		if created || same.ID() != s.ID() {
			t.Errorf("created %v, set %d, want false, %d", created, same.ID(), s.ID())
		}
		_, _, err = sem.OpenOrCreate(t.Context(), s.Key(), []int{1, 2}, nil)
		kit.WantError(t, err, syscall.EINVAL)
		wantSetValues(t, s, 1, 2, 3)
	}},
	{"SEM-012", "a new set of no semaphores is EINVAL", func(t *testing.T) {
		key := newSetKey(t)
		for _, values := range [][]int{nil, {}} {
			_, err := sem.Create(key, values, nil)
			kit.WantError(t, err, syscall.EINVAL)
			_, _, err = sem.OpenOrCreate(t.Context(), key, values, nil)
			kit.WantError(t, err, syscall.EINVAL)
		}
		_, err := sem.Open(t.Context(), key, nil)
		kit.WantError(t, err, fs.ErrNotExist)
	}},
	{"SEM-015", "every creation with IPC_PRIVATE makes another set", func(t *testing.T) {
		a, b := newSet(t, 1), newSet(t, 1)
		if a.ID() == b.ID() {
			t.Errorf("both are set %d", a.ID())
		}
		kit.Must(t, a.SetValue(0, 5))
		wantSetValues(t, b, 1)
	}},
	{"SEM-016", "a set can have SEMMSL semaphores, all of which are given and read at once", func(t *testing.T) {
		n := min(semLimits(t).SemMSL, 1<<16)
		values := make([]int, n)
		for i := range values {
			values[i] = i % (semMax + 1)
		}
		s := newSet(t, values...)
		wantSetValues(t, s, values...)
		slices.Reverse(values)
		kit.Must(t, s.SetValues(values))
		wantSetValues(t, s, values...)
	}},
	{"SEM-017", "the next set gets the id in kernel.sem_next_id, once; proc(5)", func(t *testing.T) {
		const next = 98765
		p := peerWithSysctl(t, semPeer, "sem_next_id", fmt.Sprint(next))
		p.want(next, "create", sysv.Private, 1)
		p.want("-1", "read-sysctl", "sem_next_id")
		p.want(nil, "remove")
		if id := askPeer[int](p, "create", sysv.Private, 1); id == next {
			t.Errorf("the set after it has id %d too", id)
		}
	}},
}

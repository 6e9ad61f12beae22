//go:build linux && !android

package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"golang.org/x/sys/unix"
)

const semMax = 32767 // SEMVMX

var semTake, semPost, semZero = sem.Op{Delta: -1}, sem.Op{Delta: +1}, sem.Op{}

func semUndo(delta int) sem.Op { return sem.Op{Delta: delta, Flags: sem.Undo} }

// newSet returns a private set that is gone after the test.
func newSet(t *testing.T, values ...int) *sem.Set {
	t.Helper()
	return newSetOfMode(t, 0o600, values...)
}

func newSetOfMode(t *testing.T, mode fs.FileMode, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(sysv.Private, values, &sem.Config{Mode: mode})
	kit.Must(t, err)
	removeSetAfter(t, s)
	return s
}

// newKeyedSet returns a set that has a key.
func newKeyedSet(t *testing.T, values ...int) *sem.Set {
	t.Helper()
	s, err := sem.Create(newSetKey(t), values, nil)
	kit.Must(t, err)
	return s
}

// bareSet returns a set as semget(2) leaves it for other programs: no values
// are given.
func bareSet(t *testing.T, n int) *sem.Set {
	t.Helper()
	id, _, errno := unix.Syscall(unix.SYS_SEMGET, unix.IPC_PRIVATE, uintptr(n), unix.IPC_CREAT|0o600)
	if errno != 0 {
		t.Fatal(errno)
	}
	s, err := sem.OpenID(int(id))
	kit.Must(t, err)
	removeSetAfter(t, s)
	return s
}

func removeSetAfter(t *testing.T, s *sem.Set) {
	t.Cleanup(func() {
		if err := s.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
}

// newSetKey returns a free key, which is free again after the test.
func newSetKey(t *testing.T) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for _, stat := range listSets(t) {
			if stat.Key == key {
				s, err := sem.OpenID(stat.ID)
				kit.Must(t, err)
				kit.Must(t, s.Remove())
			}
		}
	})
	return key
}

func wantSetValues(t *testing.T, s *sem.Set, want ...int) {
	t.Helper()
	got, err := s.Values()
	kit.Must(t, err)
	wantSame(t, "values", got, want)
}

// wantTry checks whether ops can be performed without waiting, which must not
// fail.
func wantTry(t *testing.T, s *sem.Set, want bool, ops ...sem.Op) {
	t.Helper()
	done, err := s.Try(ops...)
	kit.Must(t, err)
	if done != want {
		t.Errorf("Try(%v) = %v, want %v", ops, done, want)
	}
}

// awaitSetWaiters waits until so many wait for semaphore 0 to increase, and to
// become 0.
func awaitSetWaiters(t *testing.T, s *sem.Set, takers, zeros int) {
	t.Helper()
	kit.Eventually(t, fmt.Sprintf("%d waiters, %d for zero", takers, zeros), func() bool {
		return kit.Number(t)(s.Waiters(0)) == takers && kit.Number(t)(s.ZeroWaiters(0)) == zeros
	})
}

func setStat(t *testing.T, s *sem.Set) sem.Stat {
	t.Helper()
	stat, err := s.Stat()
	kit.Must(t, err)
	return stat
}

func listSets(t *testing.T) []sem.Stat {
	t.Helper()
	stats, err := sem.List()
	kit.Must(t, err)
	return stats
}

func semLimits(t *testing.T) sem.SystemLimits {
	t.Helper()
	l, err := sem.Limits()
	kit.Must(t, err)
	return l
}

// semUsageOf counts what Usage does.
func semUsageOf(stats []sem.Stat) sem.SystemUsage {
	u := sem.SystemUsage{Sets: len(stats)}
	for _, stat := range stats {
		u.Semaphores += stat.Len
	}
	return u
}

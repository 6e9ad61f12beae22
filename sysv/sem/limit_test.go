//go:build linux && !android

package sem_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/sem"
)

// setLimits changes the limits of our IPC namespace for the test.
func setLimits(t *testing.T, change func(*sem.SystemLimits)) {
	t.Helper()
	needRoot(t, "may write /proc/sys/kernel/sem")
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: the limits would be those of the whole machine: allow root to make an IPC namespace (CAP_SYS_ADMIN)")
	}
	const path = "/proc/sys/kernel/sem"
	old, err := os.ReadFile(path)
	must(t, err)
	l, err := sem.Limits()
	must(t, err)
	change(&l)
	err = os.WriteFile(path, fmt.Appendln(nil, l.SemMSL, l.SemMNS, l.SemOPM, l.SemMNI), 0)
	if err != nil {
		t.Skipf("skipping: %v: mount /proc/sys writable", err)
	}
	t.Cleanup(func() { must(t, os.WriteFile(path, old, 0)) })
}

func usage(t *testing.T) sem.SystemUsage {
	t.Helper()
	u, err := sem.Usage()
	must(t, err)
	return u
}

// wantNoSet checks that creating a set fails with a hint and leaves none.
func wantNoSet(t *testing.T, values []int, want error, hint string) {
	t.Helper()
	key := newKey(t)
	_, err := sem.Create(key, values, nil)
	wantHint(t, err, want, hint)
	_, err = sem.Open(patient(t), key, nil)
	wantError(t, err, fs.ErrNotExist)
}

func TestTooManySemaphoresInASet(t *testing.T) {
	setLimits(t, func(l *sem.SystemLimits) { l.SemMSL = 3 })
	newSet(t, 1, 1, 1)
	wantNoSet(t, repeat(4, 1), syscall.EINVAL, "4 semaphores, a set has at most 3 (SEMMSL")
}

func TestTooManySemaphores(t *testing.T) {
	newSet(t, 1, 1)
	used := usage(t).Semaphores
	setLimits(t, func(l *sem.SystemLimits) { l.SemMNS = used + 2 })
	wantNoSet(t, repeat(3, 1), syscall.ENOSPC, fmt.Sprintf("3 semaphores asked for, %d of %d in use (SEMMNS", used, used+2))
	newSet(t, 1, 1)
}

func TestTooManySets(t *testing.T) {
	newSet(t, 1)
	used := usage(t).Sets
	setLimits(t, func(l *sem.SystemLimits) { l.SemMNI = used })
	wantNoSet(t, []int{1}, syscall.ENOSPC, fmt.Sprintf("%d of %d sets in use (SEMMNI", used, used))
}

func TestTooManyOperations(t *testing.T) {
	s := newSet(t, 0)
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 2 })
	err := s.Do(bg, post, post, post)
	wantHint(t, err, syscall.E2BIG, "3 operations, 2 at most (SEMOPM")
	must(t, s.Do(bg, post, post))
	wantValues(t, s, 2)
}

// With more values than SEMOPM they are given and published in two steps.
func TestCreateWithMoreValuesThanOperations(t *testing.T) {
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 2 })
	for _, values := range [][]int{{1, 0, 2, 0, 32767}, {0, 0, 0}, {0, 5, 0}, {32767, 32767, 32767}} {
		key := newKey(t)
		s, err := sem.Create(key, values, nil)
		must(t, err)
		wantValues(t, s, values...)
		if statOf(t, s).OTime.IsZero() {
			t.Errorf("%v: no OTime", values)
		}
		_, err = sem.Open(patient(t), key, nil)
		must(t, err)
	}
}

// Where even two operations are too many, a set exists by the time that giving
// it values fails.
func TestCreateThatFailsHalfWayLeavesNoSet(t *testing.T) {
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 1 })
	for _, values := range [][]int{{0}, {1, 2}, slices.Repeat([]int{4}, 7)} {
		wantNoSet(t, values, syscall.E2BIG, "operations, 1 at most (SEMOPM")
	}
}

//go:build linux && !android

package sem_test

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
	"github.com/google/go-cmp/cmp"
)

// mayLimit tells whether this run of the test may set the limits of its IPC
// namespace, which has nothing in it. An ordinary user's may not: it runs the
// test once more where it may.
func mayLimit(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 && os.Getenv("SYSVTEST_INNER") != "" {
		return true
	}
	return inNamespaces(t, syscall.CLONE_NEWIPC|syscall.CLONE_NEWUSER)
}

// setLimits changes the limits of our IPC namespace for the test.
func setLimits(t *testing.T, change func(*sem.SystemLimits)) {
	t.Helper()
	const path = "/proc/sys/kernel/sem"
	old, err := os.ReadFile(path)
	kit.Must(t, err)
	l, err := sem.Limits()
	kit.Must(t, err)
	change(&l)
	err = os.WriteFile(path, fmt.Appendln(nil, l.SemMSL, l.SemMNS, l.SemOPM, l.SemMNI), 0)
	if err != nil {
		t.Skipf("skipping, run as root with /proc/sys writable, or on a newer kernel, which lets a namespace's owner set its limits: %v", err)
	}
	t.Cleanup(func() { kit.Must(t, os.WriteFile(path, old, 0)) })
	got, err := sem.Limits()
	kit.Must(t, err)
	if diff := cmp.Diff(l, got); diff != "" {
		t.Errorf("Limits (-set +got):\n%s", diff)
	}
}

// wantNoSet checks that creating a set fails with a hint, and changes nothing.
func wantNoSet(t *testing.T, values []int, want error, hint string) {
	t.Helper()
	key := newKey(t)
	before := list(t)
	_, err := sem.Create(key, values, nil)
	kit.WantHint(t, err, want, hint)
	_, created, err := sem.OpenOrCreate(kit.Patient(t), key, values, nil)
	kit.WantHint(t, err, want, hint)
	_, err = sem.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	if diff := cmp.Diff(before, list(t)); diff != "" || created {
		t.Errorf("created %v (-before +after):\n%s", created, diff)
	}
}

// Each limit is reached, in a namespace where a set of 2 is in use already. The
// one creation too many is refused, says which limit it was and what is in use,
// and changes nothing.
func TestLimitsReached(t *testing.T) {
	if !mayLimit(t) {
		return
	}
	kept := newSet(t, 3, 4)
	for _, tt := range []struct {
		name           string
		lower          func(*sem.SystemLimits)
		allows, denies int // semaphores of the set that reaches the limit, and of the next
		want           error
		hint           string
	}{
		{"SEMMSL", func(l *sem.SystemLimits) { l.SemMSL = 3 }, 3, 4, syscall.EINVAL,
			"4 semaphores, a set has at most 3 (SEMMSL, 1st number of kernel.sem)"},
		{"SEMMNS", func(l *sem.SystemLimits) { l.SemMNS = 6 }, 4, 1, syscall.ENOSPC,
			"1 semaphores asked for, 6 of 6 in use (SEMMNS, 2nd number of kernel.sem)"},
		{"SEMMNI", func(l *sem.SystemLimits) { l.SemMNI = 2 }, 1, 1, syscall.ENOSPC,
			"2 of 2 sets in use (SEMMNI, 4th number of kernel.sem)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			setLimits(t, tt.lower)
			last := newSet(t, repeat(tt.allows, 5)...)
			wantNoSet(t, repeat(tt.denies, 1), tt.want, tt.hint)
			wantValues(t, kept, 3, 4)
			wantValues(t, last, repeat(tt.allows, 5)...)
			kit.Must(t, last.Remove()) // which makes room again
			newSet(t, repeat(tt.allows, 1)...)
		})
	}
}

func TestTooManyOperations(t *testing.T) {
	if !mayLimit(t) {
		return
	}
	s := newSet(t, 7)
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 2 })
	err := s.Do(bg, post, post, post)
	kit.WantHint(t, err, syscall.E2BIG, "3 operations, 2 at most (SEMOPM, 3rd number of kernel.sem)")
	wantValues(t, s, 7)
	kit.Must(t, s.Do(bg, post, post))
	wantValues(t, s, 9)
}

// With more values than SEMOPM they are given and published in two steps.
func TestCreateWithMoreValuesThanOperations(t *testing.T) {
	if !mayLimit(t) {
		return
	}
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 2 })
	for _, values := range [][]int{{1, 0, 2, 0, 32767}, {0, 0, 0}, {0, 5, 0}, {32767, 32767, 32767}} {
		key := newKey(t)
		s, err := sem.Create(key, values, nil)
		kit.Must(t, err)
		wantValues(t, s, values...)
		if statOf(t, s).OTime.IsZero() {
			t.Errorf("%v: no OTime", values)
		}
		_, err = sem.Open(kit.Patient(t), key, nil)
		kit.Must(t, err)
	}
}

// Where one call may do two operations, or only one, sets get their values all the
// same.
func TestCreateWithFewOperations(t *testing.T) {
	emulator.Mode.Skip(t)
	if !mayLimit(t) {
		return
	}
	for opm := 1; opm <= 2; opm++ {
		setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = opm })
		for _, key := range []sysv.Key{sysv.Private, newKey(t)} {
			for _, values := range [][]int{{0}, {1}, {32767}, {0, 0, 0}, {0, 7}, {1, 2}, {32767, 32767, 32767}, ramp(600)} {
				s, err := sem.Create(key, values, &sem.Config{Mode: 0o640})
				kit.Must(t, err)
				wantValues(t, s, values...)
				if stat := statOf(t, s); stat.OTime.IsZero() || stat.Mode != 0o640 {
					t.Errorf("%v: OTime %v, mode %#o", values, stat.OTime, uint32(stat.Mode))
				}
				kit.Must(t, s.Remove())
			}
		}
	}
}

// Where even one operation is too many, a set exists by the time that giving it
// values fails.
func TestCreateThatFailsHalfWayLeavesNoSet(t *testing.T) {
	if !mayLimit(t) {
		return
	}
	setLimits(t, func(l *sem.SystemLimits) { l.SemOPM = 0 })
	for _, values := range [][]int{{0}, {1, 2}, slices.Repeat([]int{4}, 7)} {
		wantNoSet(t, values, syscall.E2BIG, "operations, 0 at most (SEMOPM")
	}
}

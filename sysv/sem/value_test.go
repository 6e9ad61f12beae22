//go:build linux && !android

package sem_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

func TestSetValueChangesOne(t *testing.T) {
	s := newSet(t, 1, 2, 3)
	for _, v := range []int{0, 32767, 5} {
		kit.Must(t, s.SetValue(1, v))
		wantValues(t, s, 1, v, 3)
		if got := kit.Number(t)(s.Value(1)); got != v {
			t.Errorf("Value(1) = %d, want %d", got, v)
		}
	}
}

func TestSetValuesChangesAll(t *testing.T) {
	s := newSet(t, 1, 2, 3)
	kit.Must(t, s.SetValues([]int{32767, 0, 6}))
	wantValues(t, s, 32767, 0, 6)
}

func TestNumbersOutOfRange(t *testing.T) {
	s := newSet(t, 1, 2)
	for _, num := range []int{-1, 2, 1<<16 - 1, 1 << 16, 1<<16 + 1, math.MaxInt, math.MinInt} {
		for name, call := range map[string]func() error{
			"Value":       func() error { _, err := s.Value(num); return err },
			"LastPID":     func() error { _, err := s.LastPID(num); return err },
			"Waiters":     func() error { _, err := s.Waiters(num); return err },
			"ZeroWaiters": func() error { _, err := s.ZeroWaiters(num); return err },
			"SetValue":    func() error { return s.SetValue(num, 7) },
		} {
			t.Run(fmt.Sprintf("%s(%d)", name, num), func(t *testing.T) {
				kit.WantHint(t, call(), syscall.EINVAL, fmt.Sprintf("semaphore %d, the set has 2", num))
			})
		}
	}
	wantValues(t, s, 1, 2)
}

func TestValuesOutOfRange(t *testing.T) {
	s := newSet(t, 1, 2)
	for _, v := range []int{-1, 32768, 1<<16 + 1, math.MaxInt, math.MinInt} {
		kit.WantHint(t, s.SetValue(0, v), syscall.ERANGE, fmt.Sprintf("value %d", v))
		kit.WantHint(t, s.SetValues([]int{7, v}), syscall.ERANGE, fmt.Sprintf("value %d of semaphore 1", v))
	}
	for _, values := range [][]int{nil, {7}, {7, 7, 7}} {
		kit.WantHint(t, s.SetValues(values), syscall.EINVAL, fmt.Sprintf("%d values for 2 semaphores", len(values)))
	}
	wantValues(t, s, 1, 2)
}

// What there is stays in front, and where there is room nothing is allocated.
func TestAppendValues(t *testing.T) {
	for _, n := range []int{1, 7, 8, 9, 4000} {
		given := make([]int, n)
		for i := range given {
			given[i] = i * 8 % 32768
		}
		s := newSet(t, given...)
		dst := append(make([]int, 0, 2+n), -1, -2)
		got, err := s.AppendValues(dst)
		kit.Must(t, err)
		if want := append([]int{-1, -2}, given...); !slices.Equal(got, want) {
			t.Errorf("%d values: %v, want %v", n, got, want)
		}
		if &got[0] != &dst[0] {
			t.Errorf("%d values: they are elsewhere, though there was room", n)
		}
	}
	gone := newSet(t, 1)
	kit.Must(t, gone.Remove())
	got, err := gone.AppendValues([]int{5})
	kit.WantError(t, err, sysv.ErrRemoved)
	if !slices.Equal(got, []int{5}) {
		t.Errorf("with an error: %v, want what there was", got)
	}
}

func TestLastPIDIsWhoSetTheValue(t *testing.T) {
	s := openID(t, bareSet(t, newKey(t), 3, 0o600))
	pids := func() (pids [3]int) {
		for num := range pids {
			pids[num] = kit.Number(t)(s.LastPID(num))
		}
		return pids
	}
	me := os.Getpid()
	if got := pids(); got != [3]int{} {
		t.Errorf("of a new set: %v", got)
	}
	kit.Must(t, s.SetValue(1, 0))
	if got, want := pids(), [3]int{0, me, 0}; got != want {
		t.Errorf("after SetValue(1): %v, want %v", got, want)
	}
	kit.Must(t, s.SetValues([]int{0, 0, 0}))
	if got, want := pids(), [3]int{me, me, me}; got != want {
		t.Errorf("after SetValues: %v, want %v", got, want)
	}
}

// A handle says what the set was when it was opened, and asks for the rest.
func TestHandlesShareTheSet(t *testing.T) {
	s := newSet(t, 1, 2)
	other := openID(t, s.ID())
	if other.Len() != 2 || other.Key() != s.Key() || other.ID() != s.ID() {
		t.Errorf("id %d, key %v, len %d", other.ID(), other.Key(), other.Len())
	}
	kit.Must(t, other.Do(bg, sem.Op{Num: 1, Delta: 5}))
	kit.Must(t, sys.SemSetval(s.ID(), 0, 9))
	wantValues(t, s, 9, 7)
}

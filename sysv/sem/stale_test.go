//go:build linux && !android

package sem_test

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// reuse makes the next set get the id of s, which it removes. Without
// kernel.sem_next_id that would take four million sets.
func reuse(t *testing.T, s *sem.Set) {
	t.Helper()
	kit.Must(t, openID(t, s.ID()).Remove())
	const path = "/proc/sys/kernel/sem_next_id"
	if err := os.WriteFile(path, []byte(strconv.Itoa(s.ID())), 0); err != nil {
		t.Skipf("skipping, run as root with /proc/sys writable, on a kernel with CONFIG_CHECKPOINT_RESTORE: %v", err)
	}
}

// become makes the id of s that of another set.
func become(t *testing.T, s *sem.Set, values ...int) *sem.Set {
	t.Helper()
	reuse(t, s)
	next := newSet(t, values...)
	if next.ID() != s.ID() {
		t.Fatalf("the next set is %d, want %d", next.ID(), s.ID())
	}
	return next
}

// GETALL copies as many values as the set has then. Lengths are
// such that the guard is on the first page, on the next, or far.
func TestValuesOfAnIDThatHasComeRound(t *testing.T) {
	emulator.Mode.Skip(t)
	for _, tt := range []struct{ was, is int }{{3, 4}, {3, 100}, {3, 32000}, {2048, 2049}, {2047, 32000}, {32000, 31999}, {4, 3}, {100, 1}} {
		s := newSet(t, repeat(tt.was, 1)...)
		next := become(t, s, repeat(tt.is, 0x4141)...)
		got, err := s.Values()
		kit.WantHint(t, err, sysv.ErrRemoved, "another set")
		if got != nil {
			t.Errorf("%d values beside an error", len(got))
		}
		_, err = s.Stat()
		kit.WantError(t, err, sysv.ErrRemoved)
		kit.WantError(t, s.SetValues(repeat(tt.was, 7)), sysv.ErrRemoved)
		kit.WantError(t, s.SetValue(0, 7), sysv.ErrRemoved)
		kit.WantError(t, s.SetMode(0o640), sysv.ErrRemoved)
		kit.WantError(t, s.SetPerm(0, 0, 0o640), sysv.ErrRemoved)
		kit.WantError(t, s.Remove(), sysv.ErrRemoved)
		wantValues(t, next, repeat(tt.is, 0x4141)...)
		if mode := statOf(t, next).Mode; mode != 0o600 {
			t.Errorf("mode %#o", uint32(mode))
		}
		kit.Must(t, next.Remove())
	}
}

// staleWriter sets the values of the set with this id, which it may not read,
// with a handle that was made for another one.
var staleWriter = sysvtest.Helper("stale-writer", func(args []string) error {
	s, _, err := setAndNumbers(args)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	bufio.NewScanner(os.Stdin).Scan()
	fmt.Println(outcome(s.SetValues([]int{1, 2, 3})))
	return nil
})

// SETALL reads as many values as the set has then: nothing may be published that
// stands behind them, also where the other set's length can't be read.
func TestSetValuesOfALongerSet(t *testing.T) {
	emulator.WriteOnly.Skip(t)
	s := newSet(t, 1, 2, 3)
	cmd := sysvtest.Command(staleWriter, strconv.Itoa(s.ID()))
	kit.NeedRoot(t, "can be two other users")
	kit.Must(t, s.SetPerm(alice, alice, 0o600))
	p := sysvtest.StartCommand(t, kit.As(cmd, alice, alice))
	p.Expect("ready")
	next := become(t, s, repeat(2050, 9)...)
	kit.Must(t, next.SetPerm(alice, alice, 0o200))
	p.Send("")
	p.Expect(sysv.ErrRemoved.Error())
	p.Finish()
	wantValues(t, next, repeat(2050, 9)...)
}

// A hint asks for all values too.
func TestRangeHintOfAnIDThatHasComeRound(t *testing.T) {
	s := newSet(t, 1)
	become(t, s, repeat(32000, 32767)...)
	err := s.Do(bg, post)
	kit.WantHint(t, err, syscall.ERANGE, "32767")
}

// sem_num of semop(2) has 16 bits: of a longer set it can't reach the rest, and
// nothing happens to what it would reach instead.
func TestSemaphoresBeyond16Bits(t *testing.T) {
	if !mayLimit(t) {
		return
	}
	setLimits(t, func(l *sem.SystemLimits) { l.SemMSL = 70000 })
	const num = 1<<16 + 1
	s := openID(t, bareSet(t, newKey(t), 70000, 0o600))
	kit.Must(t, s.SetValue(num, 5))
	m, c := s.Mutex(num), s.Counting(num, 0)
	for name, call := range map[string]func() error{
		"Do":         func() error { return s.Do(bg, sem.Op{Num: num, Delta: 1}) },
		"Do to wait": func() error { return s.Do(bg, sem.Op{Num: num, Delta: -1}) },
		"Try":        func() error { _, err := s.Try(sem.Op{Num: num, Delta: 1}); return err },
		"Lock":       func() error { return m.Lock(bg) },
		"TryLock":    func() error { _, err := m.TryLock(); return err },
		"Acquire":    func() error { return c.Acquire(bg, 1) },
		"TryAcquire": func() error { _, err := c.TryAcquire(1); return err },
		"Release":    func() error { return c.Release(1) },
	} {
		t.Run(name, func(t *testing.T) {
			kit.WantHint(t, call(), syscall.EFBIG, "semaphore 65537", "16 bits")
		})
	}
	kit.Must(t, s.Do(bg, sem.Op{Num: 1<<16 - 1, Delta: 3}))
	got, err := s.Values()
	kit.Must(t, err)
	want := make([]int, 70000)
	want[1<<16-1], want[num] = 3, 5
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

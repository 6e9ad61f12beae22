//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// waits is what Do gives, within a brief context, where it has to wait.
var waits = context.DeadlineExceeded

func TestDo(t *testing.T) {
	const max = 32767
	ops := func(ops ...sem.Op) []sem.Op { return ops }
	for _, tt := range []struct {
		name   string
		values []int
		ops    []sem.Op
		after  []int // where err is nil; else nothing changes
		err    error
		hint   string
	}{
		{name: "adds", values: []int{0}, ops: ops(sem.Op{Delta: 3}), after: []int{3}},
		{name: "subtracts to 0", values: []int{3}, ops: ops(sem.Op{Delta: -3}), after: []int{0}},
		{name: "waits to subtract", values: []int{2}, ops: ops(sem.Op{Delta: -3}), err: waits},
		{name: "finds 0", values: []int{0}, ops: ops(sem.Op{}), after: []int{0}},
		{name: "waits for 0", values: []int{1}, ops: ops(sem.Op{}), err: waits},
		{name: "goes up to the maximum", values: []int{0}, ops: ops(sem.Op{Delta: max}), after: []int{max}},
		{name: "and down", values: []int{max}, ops: ops(sem.Op{Delta: -max}), after: []int{0}},

		{name: "does several at once", values: []int{1, 2, 0}, ops: ops(sem.Op{Num: 1, Delta: -2}, sem.Op{Num: 0, Delta: 4}, sem.Op{Num: 2}), after: []int{5, 0, 0}},
		{name: "does all or nothing", values: []int{1, 0}, ops: ops(sem.Op{Num: 0, Delta: -1}, sem.Op{Num: 1, Delta: -1}), err: waits},
		{name: "keeps their order", values: []int{1}, ops: ops(sem.Op{Delta: 1}, sem.Op{Delta: -2}, sem.Op{}), after: []int{0}},
		{name: "adds before it subtracts", values: []int{0}, ops: ops(sem.Op{Delta: 1}, sem.Op{Delta: -1}), after: []int{0}},
		{name: "can't subtract before it adds", values: []int{0}, ops: ops(sem.Op{Delta: -1}, sem.Op{Delta: 1}), err: waits},
		{name: "takes at 0", values: []int{0}, ops: ops(sem.Op{}, sem.Op{Delta: 1}), after: []int{1}},
		{name: "does not take at 1", values: []int{1}, ops: ops(sem.Op{}, sem.Op{Delta: 1}), err: waits},

		{name: "NoWait to subtract", values: []int{0}, ops: ops(sem.Op{Delta: -1, Flags: sem.NoWait}), err: sysv.ErrWouldBlock},
		{name: "NoWait for 0", values: []int{1}, ops: ops(sem.Op{Flags: sem.NoWait}), err: sysv.ErrWouldBlock},
		{name: "NoWait where it need not wait", values: []int{1}, ops: ops(sem.Op{Delta: -1, Flags: sem.NoWait}), after: []int{0}},
		{name: "NoWait of the one that would", values: []int{1, 0}, ops: ops(sem.Op{Num: 0, Delta: -1}, sem.Op{Num: 1, Delta: -1, Flags: sem.NoWait}), err: sysv.ErrWouldBlock},
		{name: "NoWait of another", values: []int{1, 0}, ops: ops(sem.Op{Num: 0, Delta: -1, Flags: sem.NoWait}, sem.Op{Num: 1, Delta: -1}), err: waits},
		{name: "NoWait after one that waits", values: []int{0, 0}, ops: ops(sem.Op{Num: 0, Delta: -1}, sem.Op{Num: 1, Delta: -1, Flags: sem.NoWait}), err: waits},
		{name: "NoWait before one that waits", values: []int{0, 0}, ops: ops(sem.Op{Num: 0, Delta: -1, Flags: sem.NoWait}, sem.Op{Num: 1, Delta: -1}), err: sysv.ErrWouldBlock},

		{name: "passes the maximum", values: []int{max - 1}, ops: ops(sem.Op{Delta: 2}), err: syscall.ERANGE, hint: "semaphore 0 has 32766, and 2 more would pass 32767 (SEMVMX"},
		{name: "passes it for an instant", values: []int{max}, ops: ops(sem.Op{Delta: 1}, sem.Op{Delta: -1}), err: syscall.ERANGE, hint: "semaphore 0 has 32767, and 1 more"},
		{name: "passes it rather than wait", values: []int{max, 0}, ops: ops(sem.Op{Num: 0, Delta: 1}, sem.Op{Num: 1, Delta: -1}), err: syscall.ERANGE, hint: "semaphore 0 has 32767, and 1 more"},
		{name: "passes it with the last operation", values: []int{1, 2}, ops: ops(sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}, sem.Op{Num: 1, Delta: max - 2}, sem.Op{Num: 1, Delta: 3, Flags: sem.Undo}), err: syscall.ERANGE, hint: "semaphore 1 has 32767, and 3 more"},

		{name: "first that is not there", values: []int{1, 1}, ops: ops(sem.Op{Delta: 1}, sem.Op{Num: 2, Delta: 1}), err: syscall.EFBIG, hint: "operation 1 is on semaphore 2, the set has 2"},
		{name: "negative number", values: []int{1}, ops: ops(sem.Op{Num: -1, Delta: 1}), err: syscall.EFBIG, hint: "semaphore -1"},
		{name: "number -65536 in 16 bits", values: []int{1}, ops: ops(sem.Op{Num: -1 << 16, Delta: 1}), err: syscall.EFBIG, hint: "semaphore -65536"},
		{name: "number 65535", values: []int{1}, ops: ops(sem.Op{Num: 1<<16 - 1, Delta: 1}), err: syscall.EFBIG, hint: "semaphore 65535"},
		{name: "number 65536, 0 in 16 bits", values: []int{1}, ops: ops(sem.Op{Num: 1 << 16, Delta: 1}), err: syscall.EFBIG, hint: "semaphore 65536"},
		{name: "number 65537, 1 in 16 bits", values: []int{1, 1}, ops: ops(sem.Op{Num: 1<<16 + 1, Delta: 1}), err: syscall.EFBIG, hint: "semaphore 65537"},
		{name: "largest number", values: []int{1}, ops: ops(sem.Op{Num: math.MaxInt, Delta: 1}), err: syscall.EFBIG, hint: "semaphore"},
		{name: "smallest number", values: []int{1}, ops: ops(sem.Op{Num: math.MinInt, Delta: 1}), err: syscall.EFBIG, hint: "semaphore"},

		{name: "delta 32768, negative in 16 bits", values: []int{max}, ops: ops(sem.Op{Delta: max + 1}), err: syscall.ERANGE, hint: "delta 32768"},
		{name: "delta -32768", values: []int{max}, ops: ops(sem.Op{Delta: -max - 1}), err: syscall.ERANGE, hint: "delta -32768"},
		{name: "delta 65537, 1 in 16 bits", values: []int{1}, ops: ops(sem.Op{Delta: 1<<16 + 1}), err: syscall.ERANGE, hint: "delta 65537"},
		{name: "unknown flag", values: []int{1}, ops: ops(sem.Op{Delta: 1, Flags: 1}), err: syscall.EINVAL, hint: "flags 0x1"},
		{name: "no operations", values: []int{1}, err: syscall.EINVAL, hint: "no operations"},

		{name: "8 operations", values: []int{0}, ops: slices.Repeat(ops(sem.Op{Delta: 1}), 8), after: []int{8}},
		{name: "9 operations", values: []int{0}, ops: slices.Repeat(ops(sem.Op{Delta: 1}), 9), after: []int{9}},
		{name: "9 operations that wait", values: []int{8}, ops: slices.Repeat(ops(sem.Op{Delta: -1}), 9), err: waits},
		{name: "500 operations", values: []int{0}, ops: slices.Repeat(ops(sem.Op{Delta: 1}), 500), after: []int{500}},
		{name: "501 operations", values: []int{0}, ops: slices.Repeat(ops(sem.Op{Delta: 1}), 501), err: syscall.E2BIG, hint: "501 operations, 500 at most (SEMOPM"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // many wait
			s := newSet(t, tt.values...)
			check := func(err error) {
				t.Helper()
				switch {
				case tt.hint != "":
					kit.WantHint(t, err, tt.err, tt.hint)
				default:
					kit.WantError(t, err, tt.err)
				}
				if err == nil {
					wantValues(t, s, tt.after...)
				} else {
					wantValues(t, s, tt.values...)
				}
			}
			given := slices.Clone(tt.ops)
			check(s.Do(kit.Brief(t), tt.ops...))
			if !slices.Equal(given, tt.ops) {
				t.Error("Do changed its operations")
			}

			kit.Must(t, s.SetValues(tt.values))
			ok, err := s.Try(tt.ops...)
			wouldWait := tt.err == waits || tt.err == sysv.ErrWouldBlock
			if want := tt.err == nil; ok != want || wouldWait && err != nil {
				t.Errorf("Try: %v, %v, want %v", ok, err, want)
			}
			if !wouldWait {
				check(err)
			} else {
				wantValues(t, s, tt.values...)
			}
		})
	}
}

func TestUndoHasALimit(t *testing.T) {
	s := newSet(t, 32767, 5)
	kit.Must(t, s.Do(bg, sem.Op{Delta: -32767, Flags: sem.Undo}))
	kit.Must(t, s.Do(bg, sem.Op{Delta: 1}))
	takeUndo := sem.Op{Delta: -1, Flags: sem.Undo}
	err := s.Do(bg, sem.Op{Num: 1, Delta: -3}, takeUndo)
	kit.WantHint(t, err, syscall.ERANGE, "what this process has to undo would pass 32767 (SEMAEM")
	wantValues(t, s, 1, 5)

	kit.Must(t, s.SetMode(0o200)) // nobody but root may look at the values
	if err := s.Do(bg, takeUndo); os.Geteuid() != 0 {
		kit.WantHint(t, err, syscall.ERANGE, "(SEMVMX)", "(SEMAEM)")
	}
	kit.Must(t, s.SetMode(0o600))
	kit.Must(t, s.SetValue(0, 2)) // what there was to undo is forgotten
	kit.Must(t, s.Do(bg, takeUndo))
	wantValues(t, s, 1, 5)
}

func TestEndedContextTriesNothing(t *testing.T) {
	s := newSet(t, 1)
	expired, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for _, ctx := range []context.Context{kit.Ended(t), expired} {
		if err := s.Do(ctx, sem.Op{Delta: -1}); !errors.Is(err, ctx.Err()) {
			t.Errorf("Do: %v, want %v", err, ctx.Err())
		}
		if err := s.Mutex(0).Lock(ctx); !errors.Is(err, ctx.Err()) {
			t.Errorf("Lock: %v, want %v", err, ctx.Err())
		}
	}
	wantValues(t, s, 1)
}

func TestAWaitThatEndsSaysOnWhatItWaited(t *testing.T) {
	t.Parallel() // it waits
	s := newSet(t, 0, 1)
	m, c := s.Mutex(0), s.Counting(1, 0)
	held := kit.Async(t, func() error { return m.Lock(t.Context()) }) // has the turn
	awaitWaiters(t, s, 0, 1)
	many := slices.Repeat([]sem.Op{{Num: 1, Delta: -1}}, 6)
	for _, tt := range []struct {
		name string
		call func(context.Context) error
		hint string
	}{
		{"Do", func(ctx context.Context) error { return s.Do(ctx, sem.Op{Delta: -3}) }, "waited to take 3 from semaphore 0"},
		{"Do for 0", func(ctx context.Context) error { return s.Do(ctx, sem.Op{Num: 1}) }, "waited for semaphore 1 to be 0"},
		{"Do of several", func(ctx context.Context) error { return s.Do(ctx, post, sem.Op{Num: 1, Delta: -2}, sem.Op{}) },
			"waited to take 2 from semaphore 1, for semaphore 0 to be 0"},
		{"Do of many", func(ctx context.Context) error { return s.Do(ctx, many...) }, "and for more"},
		{"Lock", m.Lock, "before this goroutine had its turn at semaphore 0"},
		{"Acquire", func(ctx context.Context) error { return c.Acquire(ctx, 7) }, "waited to take 7 from semaphore 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call(kit.Brief(t))
			kit.WantHint(t, err, context.DeadlineExceeded, tt.hint)
			kit.WantError(t, err, context.DeadlineExceeded, fmt.Sprintf("semop set %d: context deadline exceeded (", s.ID()))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			kit.WantHint(t, tt.call(ctx), context.Canceled, tt.hint)
			kit.WantHint(t, tt.call(kit.Ended(t)), context.Canceled)
		})
	}
	kit.Must(t, s.Do(bg, post))
	kit.Must(t, held())
}

func TestFailureLeavesNoTrace(t *testing.T) {
	s := openID(t, bareSet(t, newKey(t), 1, 0o600))
	if ok, err := s.Try(sem.Op{Delta: -1}); ok || err != nil {
		t.Fatalf("Try: %v, %v", ok, err)
	}
	stat, err := s.Stat()
	kit.Must(t, err)
	if pid := kit.Number(t)(s.LastPID(0)); !stat.OTime.IsZero() || pid != 0 {
		t.Errorf("OTime %v, LastPID %d", stat.OTime, pid)
	}
	kit.Must(t, sys.SemSetval(s.ID(), 0, 1))
	if ok, err := s.Try(sem.Op{Delta: -1}); !ok || err != nil {
		t.Fatalf("Try: %v, %v", ok, err)
	}
	if stat, err = s.Stat(); err != nil || stat.OTime.IsZero() {
		t.Errorf("no OTime after an operation: %v", err)
	}
}

func TestDoAllocatesNothing(t *testing.T) {
	s := newSet(t, 1, 1)
	m := s.Mutex(1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, f := range map[string]func(){
		"Do with 1 op": func() {
			s.Do(ctx, sem.Op{Delta: 1})
			s.Do(ctx, sem.Op{Delta: -1})
		},
		"Do with 5 ops": func() {
			s.Do(ctx, sem.Op{Delta: 1}, sem.Op{Delta: 1}, sem.Op{Delta: -1}, sem.Op{Delta: 1}, sem.Op{Delta: -2})
		},
		"Do with 8 ops": func() {
			s.Do(ctx, sem.Op{Delta: 1}, sem.Op{Delta: -1}, sem.Op{Delta: 1}, sem.Op{Delta: -1},
				sem.Op{Delta: 1}, sem.Op{Delta: -1}, sem.Op{Delta: 1}, sem.Op{Delta: -1})
		},
		"Try that would wait": func() { s.Try(sem.Op{Delta: -2}) },
		"Try":                 func() { s.Try(sem.Op{Delta: -1}, sem.Op{Delta: 1}) },
		"Lock and Unlock": func() {
			m.Lock(ctx)
			m.Unlock()
		},
		"TryLock and Unlock": func() {
			m.TryLock()
			m.Unlock()
		},
	} {
		if n := testing.AllocsPerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	wantValues(t, s, 1, 1)
}

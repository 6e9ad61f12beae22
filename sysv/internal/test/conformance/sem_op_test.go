//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// Operations that don't wait: semop(2).
var semOpRows = []row{
	{"SEM-018", "several operations with SEM_UNDO happen in one call, with a timeout or without", func(t *testing.T) {
		ops := []sem.Op{
			{Num: 0, Delta: +1, Flags: sem.Undo},
			{Num: 1, Delta: -2, Flags: sem.Undo},
			{Num: 2, Delta: +3, Flags: sem.Undo},
			{Num: 3, Delta: -4, Flags: sem.Undo},
		}
		for name, ctx := range kit.Contexts(t) {
			t.Run(name, func(t *testing.T) {
				s := newSet(t, 10, 10, 10, 10)
				kit.Must(t, s.Do(ctx, ops...))
				wantSetValues(t, s, 11, 8, 13, 6)
				wantTry(t, s, true, ops...)
				wantSetValues(t, s, 12, 6, 16, 2)
			})
		}
	}},
	{"SEM-019", "to add, to take what is there, and to wait for 0 at 0 succeed at once", func(t *testing.T) {
		s := newSet(t, 0)
		for _, flags := range []sem.Flag{0, sem.NoWait} {
			for _, op := range []sem.Op{semPost, semTake, semZero} {
				op.Flags = flags
				kit.Must(t, s.Do(forever, op))
			}
			wantSetValues(t, s, 0)
		}
	}},
	{"SEM-025", "no operations are EINVAL", func(t *testing.T) {
		s := newSet(t, 0)
		kit.WantError(t, s.Do(forever), syscall.EINVAL)
		_, err := s.Try()
		kit.WantError(t, err, syscall.EINVAL)
	}},
	{"SEM-026", "no operation reaches an id that names nothing: kernel's EINVAL, which is ENOENT at OpenID and ErrRemoved where there once was a set", func(t *testing.T) {
		s := newSet(t, 1)
		kit.Must(t, s.Remove())
		for _, id := range []int{-1, s.ID()} {
			_, err := sem.OpenID(id)
			kit.WantError(t, err, fs.ErrNotExist)
		}
		for _, op := range []sem.Op{semPost, semTake, {Delta: -2}} {
			kit.WantError(t, s.Do(forever, op), sysv.ErrRemoved)
			_, err := s.Try(op)
			kit.WantError(t, err, sysv.ErrRemoved)
		}
	}},
	{"SEM-028", "an operation that would pass SEMVMX is ERANGE at once and changes nothing", func(t *testing.T) {
		for _, tt := range []struct {
			start int
			ops   []sem.Op
		}{
			{semMax, []sem.Op{semPost}},
			{1, []sem.Op{{Delta: semMax}}},
			{semMax, []sem.Op{semUndo(+1)}},
			{semMax, []sem.Op{{Delta: +1, Flags: sem.NoWait}}},
			{semMax, []sem.Op{semPost, semTake}},
			{semMax, []sem.Op{semTake, {Delta: +2}}},
			{semMax, []sem.Op{{Num: 1, Delta: +1}, semPost}},
		} {
			t.Run(fmt.Sprint(tt), func(t *testing.T) {
				s := newSet(t, tt.start, 0)
				kit.WantError(t, s.Do(forever, tt.ops...), syscall.ERANGE)
				_, err := s.Try(tt.ops...)
				kit.WantError(t, err, syscall.ERANGE)
				wantSetValues(t, s, tt.start, 0)
			})
		}
	}},
	{"SEM-030", "an operation on a semaphore that the set has not is EFBIG, and none of the others happens", func(t *testing.T) {
		s := newSet(t, 1, 1)
		for _, num := range []int{2, 65535, 65536, -1} {
			for _, op := range []sem.Op{{Num: num, Delta: +1}, {Num: num, Delta: -1}, {Num: num, Flags: sem.NoWait}} {
				kit.WantError(t, s.Do(forever, semPost, op), syscall.EFBIG)
				_, err := s.Try(semPost, op)
				kit.WantError(t, err, syscall.EFBIG)
			}
		}
		wantSetValues(t, s, 1, 1)
	}},
	{"SEM-031", "to wait for 0 with IPC_NOWAIT at 1 is EAGAIN, which is ErrWouldBlock, or false from Try", func(t *testing.T) {
		semWantWouldBlock(t, []int{1}, sem.Op{Flags: sem.NoWait})
	}},
	{"SEM-032", "to take with IPC_NOWAIT what is not there is EAGAIN", func(t *testing.T) {
		semWantWouldBlock(t, []int{0}, sem.Op{Delta: -1, Flags: sem.NoWait})
		semWantWouldBlock(t, []int{2}, sem.Op{Delta: -3, Flags: sem.NoWait})
	}},
	{"SEM-038", "without time to wait, an operation that would have to is given up at once", func(t *testing.T) {
		past, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		for _, op := range []sem.Op{semZero, {Delta: -2}} {
			s := newSet(t, 1)
			if err := s.Do(past, op); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			wantTry(t, s, false, op)
			wantSetValues(t, s, 1)
		}
	}},
	{"SEM-049", "operations on one semaphore happen in their order", func(t *testing.T) {
		for _, tt := range []struct {
			start int
			ops   []sem.Op
			done  bool
			after int
		}{
			{1, []sem.Op{semPost, {Delta: -2}, semZero}, true, 0},
			{0, []sem.Op{semPost, semTake, semZero, semPost}, true, 1},
			{0, []sem.Op{semPost, {Delta: -2}, semZero}, false, 0},
			{1, []sem.Op{semPost, semZero, {Delta: -2}}, false, 1},
		} {
			s := newSet(t, tt.start)
			wantTry(t, s, tt.done, tt.ops...)
			wantSetValues(t, s, tt.after)
		}
	}},
	{"SEM-050", "what a later operation gives does not help an earlier one", func(t *testing.T) {
		semWantWouldBlock(t, []int{0}, sem.Op{Delta: -1, Flags: sem.NoWait}, semPost)
		s := newSet(t, 0)
		kit.Must(t, s.Do(forever, semPost, sem.Op{Delta: -1, Flags: sem.NoWait}))
		wantSetValues(t, s, 0)
	}},
	{"SEM-051", "to wait for 0 and add 1 in one call is a lock", func(t *testing.T) {
		s := newSet(t, 0)
		kit.Must(t, s.Do(forever, semZero, semPost))
		wantSetValues(t, s, 1)
		wantTry(t, s, false, semZero, semPost)
		wantSetValues(t, s, 1)
	}},
	{"SEM-052", "where one of several operations can't go on with IPC_NOWAIT, none happens", func(t *testing.T) {
		semWantWouldBlock(t, []int{1, 0}, semTake, sem.Op{Num: 1, Delta: -1, Flags: sem.NoWait})
		semWantWouldBlock(t, []int{1, 1}, semPost, sem.Op{Num: 1, Flags: sem.NoWait})
	}},
	{"SEM-062", "an operation that fails leaves otime and the last pid as they were", func(t *testing.T) {
		s := bareSet(t, 1)
		wantTry(t, s, false, semTake)
		kit.WantError(t, s.Do(forever, sem.Op{Delta: -1, Flags: sem.NoWait}), sysv.ErrWouldBlock)
		if otime := setStat(t, s).OTime; !otime.IsZero() {
			t.Errorf("otime %v", otime)
		}
		wantSame(t, "last pid", kit.Number(t)(s.LastPID(0)), 0)
	}},
	{"SEM-063", "an operation sets otime and leaves ctime", func(t *testing.T) {
		s := newSet(t, 0)
		before := setStat(t, s)
		kit.Eventually(t, "otime advances", func() bool {
			kit.Must(t, s.Do(forever, semPost, semTake))
			return setStat(t, s).OTime.After(before.OTime)
		})
		wantSame(t, "Stat", setStat(t, s), before, semIgnoreOTime)
	}},
}

// semWantWouldBlock checks that ops, which say so with NoWait, would have to
// wait at these values, and that nothing of them happens.
func semWantWouldBlock(t *testing.T, values []int, ops ...sem.Op) {
	t.Helper()
	s := newSet(t, values...)
	kit.WantError(t, s.Do(forever, ops...), sysv.ErrWouldBlock)
	wantTry(t, s, false, ops...)
	wantSetValues(t, s, values...)
}

//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

var take, post, zero = sem.Op{Delta: -1}, sem.Op{Delta: +1}, sem.Op{}

func TestWaitersAreWoken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start int
		op    sem.Op
		wake  func(*sem.Set) error
		after int
	}{
		{"take, by Do", 0, take, func(s *sem.Set) error { return s.Do(bg, post) }, 0},
		{"take, by SetValue", 0, take, func(s *sem.Set) error { return s.SetValue(0, 5) }, 4},
		{"take, by SetValues", 0, take, func(s *sem.Set) error { return s.SetValues([]int{5}) }, 4},
		{"zero, by Do", 1, zero, func(s *sem.Set) error { return s.Do(bg, take) }, 0},
		{"zero, by SetValue", 1, zero, func(s *sem.Set) error { return s.SetValue(0, 0) }, 0},
		{"zero, by SetValues", 1, zero, func(s *sem.Set) error { return s.SetValues([]int{0}) }, 0},
	} {
		for name, ctx := range kit.Contexts(t) {
			t.Run(tt.name+"/context "+name, func(t *testing.T) {
				s := newSet(t, tt.start)
				wait := kit.Async(t, func() error { return s.Do(ctx, tt.op) })
				awaitWaiters(t, s, 0, 1)
				kit.Must(t, tt.wake(s))
				kit.Must(t, wait())
				wantValues(t, s, tt.after)
			})
		}
	}
}

func TestWaitForSeveralAtOnceHoldsNone(t *testing.T) {
	s := newSet(t, 0, 0)
	wait := kit.Async(t, func() error { return s.Do(bg, sem.Op{Num: 0, Delta: -1}, sem.Op{Num: 1, Delta: -1}) })
	awaitWaiters(t, s, 0, 1)
	kit.Must(t, s.Do(bg, sem.Op{Num: 0, Delta: 1}))
	awaitWaiters(t, s, 1, 1) // it waits for the other one now
	wantValues(t, s, 1, 0)
	kit.Must(t, s.Do(bg, sem.Op{Num: 1, Delta: 1}))
	kit.Must(t, wait())
	wantValues(t, s, 0, 0)
}

// An operation that need not wait at first can have to once it is woken.
func TestNoWaitEndsAWaitUnderWay(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		t.Run("context "+name, func(t *testing.T) {
			s := newSet(t, 0, 1)
			wait := kit.Async(t, func() error {
				return s.Do(ctx, sem.Op{Num: 0, Delta: -1}, sem.Op{Num: 1, Delta: -1, Flags: sem.NoWait})
			})
			awaitWaiters(t, s, 0, 1)
			kit.Must(t, s.SetValues([]int{1, 0}))
			kit.WantError(t, wait(), sysv.ErrWouldBlock)
			wantValues(t, s, 1, 0)
		})
	}
}

func TestDeadlineEndsAWait(t *testing.T) {
	s := newSet(t, 1)
	for _, op := range []sem.Op{zero, {Delta: -2}} {
		kit.WantDeadline(t, fmt.Sprint(op), func(ctx context.Context) error { return s.Do(ctx, op) })
	}
	wantValues(t, s, 1)
	awaitWaiters(t, s, 0, 0)
}

func TestCancelEndsAWait(t *testing.T) {
	s := newSet(t, 1)
	for _, op := range []sem.Op{zero, {Delta: -2}} {
		for _, parent := range kit.Contexts(t) {
			ctx, cancel := context.WithCancel(parent)
			wait := kit.Async(t, func() error { return s.Do(ctx, op) })
			awaitWaiters(t, s, 0, 1)
			cancel()
			if err := wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		}
	}
	wantValues(t, s, 1)
	awaitWaiters(t, s, 0, 0)
}

func TestRemovalEndsAWait(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		for _, op := range []sem.Op{zero, {Delta: -2}} {
			t.Run("context "+name, func(t *testing.T) {
				s := newSet(t, 1)
				wait := kit.Async(t, func() error { return s.Do(ctx, op) })
				p := startDo(t, s, []sem.Op{op})
				awaitWaiters(t, s, 0, 2)
				kit.Must(t, s.Remove())
				kit.WantError(t, wait(), sysv.ErrRemoved)
				p.Expect(sysv.ErrRemoved.Error())
			})
		}
	}
}

func TestSignalsDoNotEndAWait(t *testing.T) {
	kit.CatchStrays(t)
	for name, ctx := range kit.Contexts(t) {
		t.Run("context "+name, func(t *testing.T) {
			s := newSet(t, 0)
			call := kit.Begin(t, func() error { return s.Do(ctx, take) }, kit.Strays...)
			awaitWaiters(t, s, 0, 1)
			call.Signal(200)
			awaitWaiters(t, s, 0, 1)
			call.WantWaiting()
			kit.Must(t, s.Do(bg, post))
			kit.Must(t, call.Wait())
			wantValues(t, s, 0)
		})
	}
}

// A wait that began anew after each signal would never end here.
func TestSignalsDoNotExtendADeadline(t *testing.T) {
	kit.CatchStrays(t)
	s := newSet(t, 0)
	for _, call := range blockingCalls(s) {
		t.Run(call.name, func(t *testing.T) {
			kit.WantDeadline(t, call.name, kit.Signalled(t, call.take, kit.Strays...))
		})
	}
	wantValues(t, s, 0)
}

// A cancellation is a signal among others then.
func TestSignalsDoNotHideACancellation(t *testing.T) {
	kit.CatchStrays(t)
	s := newSet(t, 0)
	for name, parent := range kit.Contexts(t) {
		t.Run("context "+name, func(t *testing.T) {
			for _, b := range blockingCalls(s) {
				ctx, cancel := context.WithCancel(parent)
				call := kit.Begin(t, func() error { return b.take(ctx) }, kit.Strays...)
				call.Signal(50)
				call.WantWaiting()
				time.AfterFunc(0, cancel)
				if err := call.SignalUntilReturn(); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: error %v", b.name, err)
				}
			}
			wantValues(t, s, 0)
		})
	}
}

func TestWaitersOfOtherProcessesAreCounted(t *testing.T) {
	s := newSet(t, 1)
	counts := func() [2]int { return [2]int{kit.Number(t)(s.Waiters(0)), kit.Number(t)(s.ZeroWaiters(0))} }
	var takers, zeros []*sysvtest.Process
	for range 3 {
		takers = append(takers, startDo(t, s, []sem.Op{{Delta: -2}}))
	}
	for range 2 {
		zeros = append(zeros, startDo(t, s, []sem.Op{zero}))
	}
	kit.Eventually(t, "3 takers and 2 for zero", func() bool { return counts() == [2]int{3, 2} })
	takers[1].Kill()
	zeros[0].Kill()
	if got := counts(); got != [2]int{2, 1} {
		t.Errorf("after two kills %v wait, want [2 1]", got)
	}
	kit.Must(t, s.Do(bg, sem.Op{Delta: 3}))
	takers[0].Expect("ok")
	takers[2].Expect("ok")
	zeros[1].Expect("ok")
	if got := counts(); got != [2]int{0, 0} {
		t.Errorf("in the end %v wait", got)
	}
}

// Also those of whom another one gives up: whoever can be interrupted keeps his
// place until he is.
func TestWaitersAreServedInTheirOrder(t *testing.T) {
	s := newSet(t, 0)
	var queue []func() error
	begin := func(ctx context.Context) {
		queue = append(queue, kit.Async(t, func() error { return s.Do(ctx, take) }))
		awaitWaiters(t, s, 0, len(queue))
	}
	ctx, giveUp := context.WithCancel(t.Context())
	for _, ctx := range kit.Contexts(t) {
		begin(ctx)
		p := startDo(t, s, []sem.Op{take})
		queue = append(queue, func() error { p.Expect("ok"); return nil })
		awaitWaiters(t, s, 0, len(queue))
	}
	begin(ctx)
	begin(bg)

	cancelled := len(queue) - 2
	giveUp()
	if err := queue[cancelled](); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	queue = slices.Delete(queue, cancelled, cancelled+1)
	for i, wait := range queue {
		kit.Must(t, s.Do(bg, post))
		kit.Must(t, wait())
		awaitWaiters(t, s, 0, len(queue)-i-1)
	}
}

func TestLastPIDIsWhoDidTheOperation(t *testing.T) {
	s := newSet(t, 0, 0)
	p := startDo(t, s, []sem.Op{{Num: 1, Delta: 1}})
	p.Expect("ok")
	if got := kit.Number(t)(s.LastPID(1)); got != p.Process.Pid {
		t.Errorf("LastPID(1) = %d, want the helper's %d", got, p.Process.Pid)
	}
	p.Finish()
}

// Waits that end at the very moment when they could succeed must either take a
// token or not, and say which.
func TestCancellationLosesNoToken(t *testing.T) {
	r := storm.Random(t)
	s := newSet(t, 0)
	const goroutines, each, posts = 8, 60, 240
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		r := rand.New(rand.NewPCG(r.Uint64(), 0))
		wg.Go(func() {
			for range each {
				ctx, cancel := context.WithCancel(t.Context())
				pause := time.Duration(r.IntN(int(2 * time.Millisecond)))
				if r.IntN(2) == 0 {
					ctx, cancel = context.WithTimeout(ctx, pause)
				} else {
					time.AfterFunc(pause, cancel)
				}
				switch err := s.Do(ctx, take); {
				case err == nil:
					taken.Add(1)
				case !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	for range posts {
		kit.Must(t, s.Do(bg, post))
		time.Sleep(time.Duration(r.IntN(int(200 * time.Microsecond))))
	}
	wg.Wait()
	t.Logf("%d of %d taken", taken.Load(), posts)
	wantValues(t, s, posts-int(taken.Load()))
	awaitWaiters(t, s, 0, 0)
}

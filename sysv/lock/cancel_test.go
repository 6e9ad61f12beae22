//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
)

func TestEndedContextTakesNothing(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for range 2 { // armed or not
		if _, err := m.Lock(kit.Ended(t)); err != context.Canceled {
			t.Errorf("error %v", err)
		}
		if _, err := m.Lock(late); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		wantFree(t, theirs)
		wantFree(t, m)
	}
	take(t, theirs)
	if _, err := m.Lock(kit.Ended(t)); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	kit.Must(t, theirs.Unlock())
}

func TestDeadline(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	take(t, theirs)
	if _, err := m.Lock(kit.Brief(t)); err != context.DeadlineExceeded {
		t.Errorf("in the kernel: %v", err)
	}
	kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
	kit.Must(t, theirs.Unlock())
	take(t, m)
	if _, err := m.Lock(kit.Brief(t)); err != context.DeadlineExceeded {
		t.Errorf("behind a goroutine: %v", err)
	}
	kit.Must(t, m.Unlock())
	wantFree(t, theirs)
	wantFree(t, m)
}

// looked is a context that ends when somebody has looked at it for some times.
type looked struct {
	context.Context
	left atomic.Int32
}

func (l *looked) Err() error {
	if l.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// Whoever looks anew in between, for the package's own reasons, does not give his
// caller a deadline that was none of his.
func TestErrorIsTheContextsOwn(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	take(t, theirs)
	for looks := range int32(8) {
		ctx := &looked{Context: bg}
		ctx.left.Store(looks)
		if _, err := m.Lock(ctx); err != context.Canceled {
			t.Errorf("after %d looks: error %v, want %v", looks, err, context.Canceled)
		}
	}
	kit.Must(t, theirs.Unlock())
}

// A wait that is cancelled takes nothing and keeps nobody else from it: neither
// in the kernel nor behind it in Go.
func TestCancelledWaitersLeaveTheQueue(t *testing.T) {
	const goroutines = 4
	for _, gone := range [][]int{{0}, {1}, {3}, {0, 1}, {3, 2}, {0, 3}, {2, 0}, {0, 1, 2}, {3, 2, 1}, {0, 1, 2, 3}, {3, 2, 1, 0}} {
		t.Run(fmt.Sprint(gone), func(t *testing.T) {
			g := newGroup(t, 1)
			m, theirs, last := g.Mutex(0), join(t, g).Mutex(0), join(t, g).Mutex(0)
			take(t, theirs)
			var cancels [goroutines]context.CancelFunc
			var waits [goroutines]func() error
			for i := range goroutines {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancels[i] = cancel
				waits[i] = asyncLock(t, ctx, m)
				awaitWaiters(t, g, 0, 1)
				awaitQueue(t, m, i)
			}
			behind := asyncLock(t, kit.Patient(t), last)
			awaitWaiters(t, g, 0, 2)
			for _, i := range gone {
				cancels[i]()
				if err := waits[i](); err != context.Canceled {
					t.Errorf("error %v", err)
				}
				waits[i] = func() error { return nil }
			}
			wantHeld(t, m)
			kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
			kit.Must(t, theirs.Unlock())
			kit.Must(t, behind())
			for _, wait := range waits {
				kit.Must(t, wait())
			}
			awaitWaiters(t, g, 0, 0)
			wantFree(t, m)
		})
	}
}

// Where a token and the cancellation come at the same instant the next waiter
// gets it, one way or the other.
func TestCancellationLosesNoWakeUp(t *testing.T) {
	r := storm.Random(t)
	g := newGroup(t, 1)
	holder, giver, next := g.Mutex(0), join(t, g).Mutex(0), join(t, g).Mutex(0)
	rounds, got := storm.Amount(200, 10_000), 0
	for range rounds {
		take(t, holder)
		ctx, cancel := context.WithCancel(t.Context())
		gives := kit.Async(t, func() error {
			_, err := giver.Lock(ctx)
			if err == nil {
				got++
				err = giver.Unlock()
			}
			return err
		})
		awaitWaiters(t, g, 0, 1)
		gets := asyncLock(t, kit.Patient(t), next)
		awaitWaiters(t, g, 0, 2)
		pause := moment(r)
		unlocks := kit.Async(t, func() error {
			dally(pause)
			return holder.Unlock()
		})
		dally(moment(r))
		cancel()
		kit.Must(t, unlocks())
		if err := gives(); err != nil && err != context.Canceled {
			t.Fatal(err)
		}
		kit.Must(t, gets())
	}
	t.Logf("%d of %d got it", got, rounds)
}

// Many give up at random, in several processes and behind each other; who does
// not is served.
func TestCancellationStorm(t *testing.T) {
	r := storm.Random(t)
	g := newGroup(t, 1)
	_, d := newGuarded(t)
	rounds := storm.Amount(60, 3000)
	var wg sync.WaitGroup
	for range 3 {
		m := join(t, g).Mutex(0)
		for i := range 5 {
			r := rand.New(rand.NewPCG(r.Uint64(), 0))
			wg.Go(func() {
				for range rounds {
					if i == 0 {
						if err := d.visit(m); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(int(500*time.Microsecond))))
					if abandoned, err := m.Lock(ctx); err == nil {
						if n := d.inside.Add(1); n != 1 || abandoned {
							t.Errorf("%d are inside, abandoned %v", n, abandoned)
						}
						time.Sleep(time.Duration(r.IntN(int(100 * time.Microsecond))))
						d.inside.Add(^uint32(0))
						if err := m.Unlock(); err != nil {
							t.Error(err)
						}
					} else if err != context.DeadlineExceeded {
						t.Error(err)
					}
					cancel()
				}
			})
		}
	}
	kit.Must(t, kit.Async(t, func() error { wg.Wait(); return nil })())
	awaitWaiters(t, g, 0, 0)
	wantFree(t, g.Mutex(0))
}

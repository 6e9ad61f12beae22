//go:build linux && !android

package lock_test

import (
	"slices"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
)

// Who does not hold the mutex and is stopped keeps nobody from it. What others
// see of a process that is stopped there is all that is made here of it.
func TestStoppedProcessLeavesTheMutexFree(t *testing.T) {
	t.Run("after it took the token", func(t *testing.T) {
		g := newGroup(t, 1)
		m, theirs := g.Mutex(0), join(t, g).Mutex(0)
		take(t, theirs)
		// The kernel serves them in the order in which they came.
		stopped := asyncToken(t, g)
		awaitWaiters(t, g, 0, 1)
		wait := asyncLock(t, kit.Patient(t), m)
		awaitWaiters(t, g, 0, 2)
		kit.Must(t, theirs.Unlock())
		kit.Must(t, stopped())
		kit.Must(t, wait())
	})
	t.Run("between its unlock and its post", func(t *testing.T) {
		g := newGroup(t, 1)
		m, theirs := g.Mutex(0), join(t, g).Mutex(0)
		take(t, theirs)
		wait := asyncLock(t, kit.Patient(t), m)
		awaitWaiters(t, g, 0, 1)
		wordsOf(t, g.ID())[lineOf(0)] = 0
		kit.Must(t, wait())
	})
	t.Run("after it took a dead owner's token", func(t *testing.T) {
		g := newGroup(t, 1)
		p := startHolding(t, g, 0)
		stopped := asyncToken(t, g)
		awaitWaiters(t, g, 0, 1)
		wait := kit.Async(t, func() error {
			if !take(t, g.Mutex(0)) {
				t.Error("not abandoned")
			}
			return g.Mutex(0).Unlock()
		})
		awaitWaiters(t, g, 0, 2)
		p.Kill()
		kit.Must(t, stopped())
		kit.Must(t, wait())
	})
}

// asyncToken takes a token of mutex 0, as a waiter does, and no more.
func asyncToken(t *testing.T, g *lock.Group) (wait func() error) {
	t.Helper()
	set, n := setOf(t, g), len(values(t, g))
	return kit.Async(t, func() error { return set.Do(bg, sem.Op{Num: n - 1, Delta: -1}) })
}

// Who waits for long looks again and again, and that changes nothing and costs
// next to nothing.
func TestLongWait(t *testing.T) {
	g := newGroup(t, 1)
	theirs := join(t, g).Mutex(0)
	take(t, theirs)
	waiter := start(t, g)
	spent := func() time.Duration {
		waiter.Send("time")
		d, err := time.ParseDuration(waiter.Line())
		kit.Must(t, err)
		return d
	}
	start := spent()
	waiter.Send("lock 0")
	awaitWaiters(t, g, 0, 1)
	before := values(t, g)
	const long = 500 * time.Millisecond
	time.Sleep(long)
	awaitWaiters(t, g, 0, 1)
	if after := values(t, g); !slices.Equal(before, after) {
		t.Errorf("values %v, before %v", after, before)
	}
	kit.Must(t, theirs.Unlock())
	waiter.Expect("locked")
	if d := spent() - start; d > long/4 {
		t.Errorf("it used the processor for %v while it waited for %v", d, long)
	}
	waiter.does("unlock 0", "ok")
	waiter.Finish()
}

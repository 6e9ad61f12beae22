//go:build linux && !android

package lock_test

import (
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// tokens are those of mutex 0 of a group that has no other.
func tokens(t *testing.T, g *lock.Group) int {
	t.Helper()
	v := values(t, g)
	return v[len(v)-1]
}

// addTokens adds some to mutex 0, as deaths do.
func addTokens(t *testing.T, g *lock.Group, n int) {
	t.Helper()
	kit.Must(t, setOf(t, g).Do(bg, sem.Op{Num: len(values(t, g)) - 1, Delta: n}))
}

// The generation is raised before the slot is alive: where it can't come to life
// it has been raised.
func TestGenerationIsRaisedBeforeTheSlotIsAlive(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 2})
	next := &wordsOf(t, g.ID())[generationOf(1, 1)]
	before := *next
	kit.Must(t, setOf(t, g).Remove())
	kit.WantError(t, lock.TakeSlot(g, 1), sysv.ErrRemoved)
	if *next != before+1 {
		t.Errorf("generation %d, want %d", *next, before+1)
	}
}

// A waiter that took a token and can't tell whether the owner lives puts it back:
// it may be the one that a death left for others.
func TestTokenIsPutBackByWhoCannotUseIt(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 2})
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	take(t, theirs)
	word := &wordsOf(t, g.ID())[lineOf(0)]
	set, wake := setOf(t, g), len(values(t, g))-1
	wait := kit.Async(t, func() error { _, err := m.Lock(bg); return err })
	awaitWaiters(t, g, 0, 1)
	before := *word
	*word = 1<<31 | 4<<20 // names no slot
	kit.Must(t, set.Do(bg, sem.Op{Num: wake, Delta: +1}))
	if err := wait(); err == nil {
		t.Error("locked")
	}
	*word = before
	if n := tokens(t, g); n != 1 {
		t.Errorf("%d tokens, want 1", n)
	}
	kit.Must(t, theirs.Unlock())
}

// Tokens don't add up.
func TestUnlockAddsNoTokenWhereOneLies(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	for _, lie := range []int{0, 1} {
		addTokens(t, g, lie)
		for range 3 {
			take(t, m)
			wordsOf(t, g.ID())[lineOf(0)] |= 1 << 31 // others wait
			kit.Must(t, m.Unlock())
			if n := tokens(t, g); n != 1 {
				t.Errorf("%d tokens, want 1", n)
			}
		}
		addTokens(t, g, -1)
	}
}

// Deaths can add tokens, up to the highest value of a semaphore, just after they
// were drained.
func TestTokensOfDeathsAfterTheDrain(t *testing.T) {
	g := newGroup(t, 1)
	set, wake := setOf(t, g), len(values(t, g))-1
	const highest = 32767
	var stop atomic.Bool
	var dying sync.WaitGroup
	dying.Go(func() {
		for !stop.Load() {
			if err := set.SetValue(wake, highest); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 1000 {
		kit.Must(t, set.SetValue(wake, highest))
		if err := lock.PromiseToken(g.Mutex(0)); err != nil {
			t.Error(err)
			break
		}
	}
	stop.Store(true)
	dying.Wait()
	kit.Must(t, set.SetValue(wake, 0))
}

// armers use each mutex of a group for the first time in several goroutines at
// once, and leave.
var armers = sysvtest.Helper("armer", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, id, nil)
	if err != nil {
		return err
	}
	const goroutines = 4
	failed := make(chan error, goroutines)
	var round atomic.Int64
	for range goroutines {
		go func() {
			for i := range g.Len() {
				round.Add(1)
				for round.Load() < int64(goroutines*(i+1)) { // until all are here
					runtime.Gosched()
				}
				ok, _, err := g.Mutex(i).TryLock()
				if err == nil && ok {
					err = g.Mutex(i).Unlock()
				}
				if err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range goroutines {
		if err := <-failed; err != nil {
			return err
		}
	}
	return g.Close()
})

// A process arms once, however many of its goroutines come first, and leaves
// nothing of it.
func TestGoroutinesArmOnce(t *testing.T) {
	g := newGroup(t, 200)
	before := values(t, g)
	sysvtest.Start(t, armers, strconv.Itoa(g.ID())).Finish()
	if after := values(t, g); !slices.Equal(before, after) {
		t.Errorf("values (before, after):\n%v\n%v", before, after)
	}
}

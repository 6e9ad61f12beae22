//go:build linux && !android

package lock_test

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"github.com/google/go-cmp/cmp"
)

func TestProcessesExcludeEachOther(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	id, d := newGuarded(t)
	processes, goroutines, each := 4, 3, storm.Amount(500, 50_000)
	take(t, m)
	var ps []visitor
	for range processes {
		ps = append(ps, startVisitor(t, g, id, goroutines, each))
	}
	awaitWaiters(t, g, 0, processes)
	kit.Must(t, m.Unlock())
	_, err := d.visitAll(m, goroutines, each)
	kit.Must(t, err)
	for _, p := range ps {
		p.finish(t)
	}
	if want := uint32((processes + 1) * goroutines * each); d.visits != want {
		t.Errorf("%d visits, want %d", d.visits, want)
	}
	wantFree(t, m)
}

// Two Groups of one process are two members.
func TestGroupsExcludeEachOther(t *testing.T) {
	a := newGroup(t, 1)
	b := join(t, a)
	_, d := newGuarded(t)
	const goroutines, each = 5, 300
	wait := kit.Async(t, func() error { _, err := d.visitAll(b.Mutex(0), goroutines, each); return err })
	_, err := d.visitAll(a.Mutex(0), goroutines, each)
	kit.Must(t, err)
	kit.Must(t, wait())
	if want := uint32(2 * goroutines * each); d.visits != want {
		t.Errorf("%d visits, want %d", d.visits, want)
	}
}

// With -race this also shows that the race detector knows what a mutex does:
// without it the count would be a race.
func TestGoroutinesExcludeEachOther(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	counts := map[string]int{}
	const goroutines, each = 20, 300
	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			for range each {
				if i%2 == 0 {
					if _, err := m.Lock(bg); err != nil {
						t.Error(err)
						return
					}
				} else if ok, _, err := m.TryLock(); !ok {
					if err != nil {
						t.Error(err)
					}
					continue
				}
				counts["inside"]++
				if n := counts["inside"]; n != 1 {
					t.Errorf("%d are inside", n)
				}
				counts["inside"]--
				if i%2 == 0 {
					counts["visits"]++
				}
				if err := m.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if want := goroutines / 2 * each; counts["visits"] != want {
		t.Errorf("%d visits, want %d", counts["visits"], want)
	}
}

func TestMutexesOfAGroupAreIndependent(t *testing.T) {
	g := newGroup(t, 3)
	other := join(t, g)
	take(t, g.Mutex(1))
	wantHeld(t, other.Mutex(1))
	for _, i := range []int{0, 2} {
		wantFree(t, g.Mutex(i))
		wantFree(t, other.Mutex(i))
	}
	kit.Must(t, g.Mutex(1).Unlock())
	wantFree(t, other.Mutex(1))
}

func TestTryLock(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	for range 2 { // armed or not
		ok, abandoned, err := m.TryLock()
		if !ok || abandoned || err != nil {
			t.Errorf("free: %v, %v, %v", ok, abandoned, err)
		}
		for _, m := range []*lock.Mutex{m, theirs} {
			ok, abandoned, err = m.TryLock()
			if ok || abandoned || err != nil {
				t.Errorf("held: %v, %v, %v", ok, abandoned, err)
			}
		}
		kit.Must(t, m.Unlock())
	}
}

// Who does not hold it changes nothing.
func TestUnlockAndRepairedOfWhatIsNotHeld(t *testing.T) {
	for name, method := range map[string]func(*lock.Mutex) error{"Unlock": (*lock.Mutex).Unlock, "Repaired": (*lock.Mutex).Repaired} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 1)
			m, theirs, third := g.Mutex(0), join(t, g).Mutex(0), join(t, g).Mutex(0)
			w := wordsOf(t, g.ID())[lineOf(0):lineOf(1)]
			wantNothing := func() {
				t.Helper()
				before := slices.Clone(w)
				kit.WantError(t, method(theirs), lock.ErrNotLocked, "mutex 0 of group")
				if diff := cmp.Diff(before, slices.Clone(w)); diff != "" {
					t.Errorf("words (-before +after):\n%s", diff)
				}
			}
			wantNothing() // where it has not been used
			startHolding(t, g, 0).Kill()
			wantNothing() // where the owner is dead
			take(t, m)
			wantNothing() // where another holds it
			wait := asyncLock(t, kit.Patient(t), third)
			awaitWaiters(t, g, 0, 1)
			wantNothing() // where another waits
			kit.Must(t, m.Unlock())
			kit.Must(t, wait())
			wantNothing() // where it is free
			take(t, theirs)
			kit.Must(t, theirs.Unlock())
			wantNothing() // after an Unlock of its own
			take(t, m)
			wantNothing() // where another has taken it since
			kit.Must(t, m.Unlock())
		})
	}
}

// Of many that unlock at once only one can have done it, even if other
// processes take it that very moment.
func TestUnlocksAtOnceStealNoLock(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	id, d := newGuarded(t)
	ps := []visitor{startVisitor(t, g, id, 2, 1<<30), startVisitor(t, g, id, 2, 1<<30)}
	rounds := storm.Amount(300, 20_000)
	for range rounds {
		take(t, m)
		kit.Must(t, d.count())
		const unlockers = 3
		var ready, unlocked atomic.Int32
		var wg sync.WaitGroup
		for range unlockers {
			wg.Go(func() {
				for ready.Add(1); ready.Load() < unlockers; {
					runtime.Gosched()
				}
				switch err := m.Unlock(); {
				case err == nil:
					unlocked.Add(1)
				case !errors.Is(err, lock.ErrNotLocked):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := unlocked.Load(); n != 1 {
			t.Fatalf("%d have unlocked", n)
		}
	}
	d.stop.Store(1)
	total := uint32(rounds)
	for _, p := range ps {
		visits, _ := p.finish(t)
		total += visits
	}
	if d.visits != total {
		t.Errorf("%d visits, want %d", d.visits, total)
	}
	t.Logf("%d visits, %d of them ours", total, rounds)
}

// A goroutine that unlocks once too often can free what another one of its
// process has just got from the queue, and does not say so yet. Whose Unlock
// fails for that must pass the queue on.
func TestUnlockTooManyLeavesTheQueueInOrder(t *testing.T) {
	g := newGroup(t, 1)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	for range 2 {
		take(t, theirs)
		wait := kit.Async(t, func() error { _, err := m.Lock(bg); return err })
		awaitWaiters(t, g, 0, 1)
		kit.Must(t, theirs.Unlock())
		kit.Must(t, wait())
		wordsOf(t, g.ID())[lineOf(0)] = 0 // the Unlock too many
		take(t, theirs)
		kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
		wait = asyncLock(t, kit.Patient(t), m)
		awaitWaiters(t, g, 0, 1)
		kit.Must(t, theirs.Unlock())
		kit.Must(t, wait())
	}
}

func TestMutexOutOfRange(t *testing.T) {
	g := newGroup(t, 2)
	for _, i := range []int{-1, 2, math.MaxInt, math.MinInt} {
		m := g.Mutex(i)
		for range 2 { // a failure must not leave the queue occupied
			_, err := m.Lock(kit.Patient(t))
			kit.WantError(t, err, syscall.EINVAL, "the group has 2")
			ok, _, err := m.TryLock()
			kit.WantError(t, err, syscall.EINVAL, "the group has 2")
			if ok {
				t.Error("locked")
			}
		}
		kit.WantError(t, m.Unlock(), syscall.EINVAL, "the group has 2")
		kit.WantError(t, m.Repaired(), syscall.EINVAL, "the group has 2")
	}
}

// Whoever may write to the segment can write nonsense.
func TestNonsenseInAWord(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 2})
	m := g.Mutex(0)
	w := wordsOf(t, g.ID())
	for _, word := range []uint32{1, 2, 4 << 20, 1<<32 - 1} {
		w[lineOf(0)] = word
		_, err := m.Lock(kit.Patient(t))
		if err == nil || errors.Is(err, lock.ErrNotLocked) {
			t.Errorf("%#x: Lock: %v", word, err)
		}
		if ok, _, err := m.TryLock(); ok || err == nil {
			t.Errorf("%#x: TryLock: %v, %v", word, ok, err)
		}
		kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
	}
	w[lineOf(0)] = 0
	wantFree(t, m)
}

//go:build linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

// bg is the context of waits that nothing but the mutex ends.
var bg = context.Background()

// newGroup makes a private group, which is closed and removed after the test.
func newGroup(t testing.TB, n int) *lock.Group {
	t.Helper()
	return newGroupFor(t, n, nil)
}

func newGroupFor(t testing.TB, n int, cfg *lock.Config) *lock.Group {
	t.Helper()
	g, err := lock.Create(bg, sysv.Private, n, cfg)
	kit.Must(t, err)
	endGroup(t, g)
	return g
}

// endGroup closes and removes the group after the test.
func endGroup(t testing.TB, g *lock.Group) {
	t.Cleanup(func() {
		t.Helper()
		if err := g.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
	})
	closeAfter(t, g)
}

func closeAfter(t testing.TB, g *lock.Group) {
	t.Cleanup(func() {
		t.Helper()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}

// join makes this process a member of the group once more.
func join(t testing.TB, g *lock.Group) *lock.Group {
	t.Helper()
	again, err := lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.Must(t, err)
	closeAfter(t, again)
	return again
}

// newKey returns a free key, which is free again after the test.
func newKey(t testing.TB) sysv.Key {
	key := sysv.RandomKey()
	t.Cleanup(func() {
		for what, remove := range named(t, key) {
			if err := remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	return key
}

// named has the segment and the set that a key names, if they are there, and
// what removes them.
func named(t testing.TB, key sysv.Key) map[string]func() error {
	t.Helper()
	objects := make(map[string]func() error)
	segments, err := shm.List()
	kit.Must(t, err)
	for _, st := range segments {
		if st.Key == key {
			objects[fmt.Sprint("segment ", st.ID)] = func() error {
				seg, err := shm.OpenID(st.ID)
				if err != nil {
					return err
				}
				return seg.Remove()
			}
		}
	}
	sets, err := sem.List()
	kit.Must(t, err)
	for _, st := range sets {
		if st.Key == key {
			objects[fmt.Sprint("set ", st.ID)] = func() error {
				set, err := sem.OpenID(st.ID)
				if err != nil {
					return err
				}
				return set.Remove()
			}
		}
	}
	return objects
}

// names says what a key names.
func names(t testing.TB, key sysv.Key) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(named(t, key)))
}

// wantNames checks what a key names.
func wantNames(t testing.TB, key sysv.Key, want ...string) {
	t.Helper()
	if got := names(t, key); !slices.Equal(got, want) {
		t.Errorf("the key names %q, want %q", got, want)
	}
}

// setOf is the group's semaphore set.
func setOf(t testing.TB, g *lock.Group) *sem.Set {
	t.Helper()
	set, err := sem.OpenID(stat(t, g).SetID)
	kit.Must(t, err)
	return set
}

func stat(t testing.TB, g *lock.Group) lock.Stat {
	t.Helper()
	st, err := g.Stat()
	kit.Must(t, err)
	return st
}

// take locks, says whether that is abandoned, and fails the test where it can't.
func take(t testing.TB, m *lock.Mutex) (abandoned bool) {
	t.Helper()
	abandoned, err := m.Lock(kit.Patient(t))
	kit.Must(t, err)
	return abandoned
}

// wantFree locks and unlocks, and fails the test where that has to wait.
func wantFree(t testing.TB, m *lock.Mutex) {
	t.Helper()
	ok, _, err := m.TryLock()
	kit.Must(t, err)
	if !ok {
		t.Fatal("the mutex is not free")
	}
	kit.Must(t, m.Unlock())
}

// wantHeld fails the test if somebody else can lock.
func wantHeld(t testing.TB, m *lock.Mutex) {
	t.Helper()
	ok, _, err := m.TryLock()
	kit.Must(t, err)
	if ok {
		t.Fatal("the mutex is free")
	}
}

// awaitWaiters waits until so many processes wait in the kernel.
func awaitWaiters(t testing.TB, g *lock.Group, i, want int) {
	t.Helper()
	kit.Eventually(t, fmt.Sprintf("%d waiters", want), func() bool { return stat(t, g).Mutexes[i].Waiters == want })
}

// awaitQueue waits until so many goroutines queue in Go.
func awaitQueue(t testing.TB, m *lock.Mutex, want int) {
	t.Helper()
	kit.Eventually(t, fmt.Sprintf("%d queue", want), func() bool { return lock.Queued(m) == want })
}

// moment is shorter than what a timer can measure.
func moment(r *rand.Rand) time.Duration {
	return time.Duration(r.Int64N(int64(150 * time.Microsecond)))
}

// dally lets a moment pass.
func dally(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
		runtime.Gosched()
	}
}

// asyncLock is async for Lock, after which it unlocks.
func asyncLock(t testing.TB, ctx context.Context, m *lock.Mutex) (wait func() error) {
	return kit.Async(t, func() error {
		if _, err := m.Lock(ctx); err != nil {
			return err
		}
		return m.Unlock()
	})
}

// outcome names an error in a word, for comparison and for printing.
func outcome(err error) string {
	return kit.Outcome(err, sysv.ErrRemoved, sysv.ErrNotInitialized, lock.ErrNotLocked, lock.ErrInUse, os.ErrClosed, context.DeadlineExceeded)
}

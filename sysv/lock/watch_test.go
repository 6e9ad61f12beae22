//go:build linux && !android

package lock_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// ipcrm is what may be taken away by hand, and how.
var ipcrm = map[string]func(t testing.TB, st lock.Stat){
	"segment": removeSegment,
	"set":     removeSet,
	"segment and set": func(t testing.TB, st lock.Stat) {
		removeSegment(t, st)
		removeSet(t, st)
	},
	"set and segment": func(t testing.TB, st lock.Stat) {
		removeSet(t, st)
		removeSegment(t, st)
	},
}

func removeSegment(t testing.TB, st lock.Stat) {
	t.Helper()
	kit.Must(t, named(t, st.Key)[fmt.Sprint("segment ", st.SegmentID)]())
}

func removeSet(t testing.TB, st lock.Stat) {
	t.Helper()
	kit.Must(t, named(t, st.Key)[fmt.Sprint("set ", st.SetID)]())
}

// useUntilRemoved locks and unlocks until it is told that the group is removed.
func useUntilRemoved(m *lock.Mutex) error {
	for begin := time.Now(); time.Since(begin) < kit.Patience; {
		if _, err := m.Lock(bg); err != nil {
			return err
		}
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

// tryUntilRemoved is useUntilRemoved for TryLock.
func tryUntilRemoved(m *lock.Mutex) error {
	for begin := time.Now(); time.Since(begin) < kit.Patience; {
		ok, _, err := m.TryLock()
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("the mutex is not free")
		}
		if err := m.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

// awaitALook waits until the next call looks whether the group is there.
func awaitALook(t testing.TB, g *lock.Group) {
	t.Helper()
	kit.Eventually(t, "the next call looks", func() bool { return !lock.LookedLately(g) })
}

// pause is awaitALook in another process.
func pause(g *lock.Group) {
	for lock.LookedLately(g) {
		time.Sleep(time.Millisecond)
	}
}

// Members whose mutexes are free make no system call that would fail.
func TestIpcrmIsNoticedByWhoUsesFreeMutexes(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for what, remove := range ipcrm {
		t.Run(what, func(t *testing.T) {
			g, err := lock.Create(bg, newKey(t), 4, nil)
			kit.Must(t, err)
			closeAfter(t, g)
			for i := range g.Len() {
				wantFree(t, g.Mutex(i)) // by now it needs no system call
			}
			p := start(t, g)
			p.does("lock 0", "locked")
			p.does("unlock 0", "ok")
			p.Send("use 0")
			used := kit.Async(t, func() error { return useUntilRemoved(g.Mutex(1)) })
			tried := kit.Async(t, func() error { return tryUntilRemoved(g.Mutex(2)) })
			remove(t, stat(t, g))
			kit.WantError(t, used(), sysv.ErrRemoved)
			kit.WantError(t, tried(), sysv.ErrRemoved)
			p.Expect(sysv.ErrRemoved.Error())
			for i := range g.Len() {
				wantGoneMutex(t, g.Mutex(i))
			}
			p.does("close", "ok")
			p.Finish()
		})
	}
}

// Who has not called for a while does not begin beside a new group.
func TestIpcrmIsNoticedByTheFirstCallAfterAPause(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for what, remove := range ipcrm {
		t.Run(what, func(t *testing.T) {
			key := newKey(t)
			g, err := lock.Create(bg, key, 1, nil)
			kit.Must(t, err)
			closeAfter(t, g)
			other := join(t, g)
			wantFree(t, g.Mutex(0))
			wantFree(t, other.Mutex(0))
			awaitALook(t, g)
			awaitALook(t, other)
			remove(t, stat(t, g))
			_, err = g.Mutex(0).Lock(kit.Patient(t))
			kit.WantError(t, err, sysv.ErrRemoved)
			wantGoneMutex(t, other.Mutex(0))
			next, _, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
			kit.Must(t, err)
			endGroup(t, next)
			wantFree(t, next.Mutex(0))
		})
	}
}

func TestCheckTellsAllMembers(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for what, remove := range ipcrm {
		t.Run(what, func(t *testing.T) {
			g, err := lock.Create(bg, newKey(t), 1, nil)
			kit.Must(t, err)
			closeAfter(t, g)
			other := join(t, g)
			wantFree(t, g.Mutex(0))
			kit.Must(t, g.Check())
			remove(t, stat(t, g))
			kit.WantError(t, other.Check(), sysv.ErrRemoved)
			wantGoneMutex(t, g.Mutex(0))
			kit.WantError(t, g.Check(), sysv.ErrRemoved)
		})
	}
}

// Who is inside stays there, but nobody comes in after him.
func TestIpcrmWhileAMutexIsHeld(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	g, err := lock.Create(bg, newKey(t), 2, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	other := join(t, g)
	take(t, g.Mutex(0))
	wantFree(t, other.Mutex(1))
	removeSegment(t, stat(t, g))
	kit.WantError(t, useUntilRemoved(other.Mutex(1)), sysv.ErrRemoved)
	kit.Must(t, g.Mutex(0).Repaired())
	kit.Must(t, g.Mutex(0).Unlock())
	wantGoneMutex(t, g.Mutex(0))
}

// That the next Lock is to look takes nothing from who has the mutex.
func TestMutexIsHeldForLong(t *testing.T) {
	g := newGroup(t, 2)
	m, theirs := g.Mutex(0), join(t, g).Mutex(0)
	for name, take := range locks {
		t.Run(name, func(t *testing.T) {
			take(t, m)
			awaitALook(t, g)
			wantHeld(t, theirs)
			kit.Must(t, m.Repaired())
			kit.WantError(t, g.Close(), lock.ErrInUse, "mutex 0 of group")
			kit.WantError(t, g.Mutex(1).Unlock(), lock.ErrNotLocked)
			kit.Must(t, m.Unlock())
			kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
			wantFree(t, theirs)
		})
	}
}

// What the end of the process is to undo is promised once.
func TestEndOfWhoHasLookedAgain(t *testing.T) {
	g := newGroup(t, 1)
	p, before := start(t, g), values(t, g)
	for range 3 {
		p.does("lock 0", "locked")
		p.does("unlock 0", "ok")
		p.does("pause", "ok")
	}
	p.does("close", "ok")
	next := start(t, g)
	p.Finish()
	if diff := cmp.Diff(before, values(t, g)); diff != "" {
		t.Errorf("values (-before +after):\n%s", diff)
	}
	next.Finish()
}

// emigrant goes on using a mutex on a thread that has left the IPC namespace. A
// group that it can't see there is not removed.
var emigrant = sysvtest.Helper("emigrant", func(args []string) error {
	n, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	g, err := lock.OpenID(bg, n[0], nil)
	if err != nil {
		return err
	}
	m := g.Mutex(0)
	use := func() error {
		if _, err := m.Lock(bg); err != nil {
			return err
		}
		return m.Unlock()
	}
	if err := use(); err != nil {
		return err
	}
	pause(g)
	return kit.OnThreadThatEnds(func() error {
		if err := syscall.Unshare(syscall.CLONE_NEWIPC); err != nil {
			return err
		}
		return use()
	})
})

func TestThreadInAnotherNamespaceTellsNobody(t *testing.T) {
	g := newGroup(t, 1)
	cmd := sysvtest.Command(emigrant, fmt.Sprint(g.ID()))
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "leaves an IPC namespace")
	sysvtest.StartCommand(t, cmd).Finish()
	take(t, g.Mutex(0))
	kit.Must(t, g.Mutex(0).Unlock())
}

//go:build linux && !android

package lock_test

import (
	"slices"
	"sync"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/shm"
	"github.com/google/go-cmp/cmp"
)

func nattch(t testing.TB, g *lock.Group) int {
	t.Helper()
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	st, err := seg.Stat()
	kit.Must(t, err)
	return int(st.Nattch)
}

func values(t testing.TB, g *lock.Group) []int {
	t.Helper()
	v, err := setOf(t, g).Values()
	kit.Must(t, err)
	return v
}

func TestCloseOfWhatIsHeld(t *testing.T) {
	for name, take := range locks {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, 3)
			m := g.Mutex(1)
			theirs := join(t, g).Mutex(1)
			take(t, g.Mutex(0))
			kit.Must(t, g.Mutex(0).Unlock())
			take(t, m)
			before := values(t, g)
			for range 2 {
				kit.WantError(t, g.Close(), lock.ErrInUse, "mutex 1 of group")
				wantHeld(t, theirs)
			}
			if diff := cmp.Diff(before, values(t, g)); diff != "" {
				t.Errorf("values (-before +after):\n%s", diff)
			}
			kit.Must(t, m.Repaired())
			wait := asyncLock(t, bg, theirs)
			awaitWaiters(t, g, 1, 1)
			kit.WantError(t, g.Close(), lock.ErrInUse) // with a waiter as well
			kit.Must(t, m.Unlock())
			kit.Must(t, wait())
			wantFree(t, m)
			wantFree(t, g.Mutex(0))
			wantFree(t, g.Mutex(2))
			kit.Must(t, g.Close())
		})
	}
}

func TestCloseOfWhatIsAwaited(t *testing.T) {
	g := newGroup(t, 2)
	theirs := join(t, g).Mutex(0)
	take(t, theirs)
	wait := asyncLock(t, bg, g.Mutex(0))
	awaitWaiters(t, g, 0, 1)
	kit.WantError(t, g.Close(), lock.ErrInUse, "mutex 0 of group")
	wantFree(t, g.Mutex(1))
	kit.Must(t, theirs.Unlock())
	kit.Must(t, wait())
	kit.Must(t, g.Close())
}

// What is done while a Close is refused is done all the same.
func TestRefusedCloseDisturbsNobody(t *testing.T) {
	g := newGroup(t, 2)
	_, d := newGuarded(t)
	take(t, g.Mutex(0))
	const goroutines, each = 3, 1000
	wait := kit.Async(t, func() error { _, err := d.visitAll(g.Mutex(1), goroutines, each); return err })
	done := make(chan error, 1)
	go func() { done <- wait() }()
	for {
		select {
		case err := <-done:
			kit.Must(t, err)
			if d.visits != goroutines*each {
				t.Errorf("%d visits, want %d", d.visits, goroutines*each)
			}
			kit.Must(t, g.Mutex(0).Unlock())
			return
		default:
			kit.WantError(t, g.Close(), lock.ErrInUse)
		}
	}
}

func TestCloseFreesTheSlot(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 2})
	other := join(t, g)
	_, err := lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, syscall.ENOSPC)
	for range 3 { // again and again it does nothing
		kit.Must(t, other.Close())
	}
	third := join(t, g)
	wantFree(t, third.Mutex(0))
	kit.Must(t, other.Close())
	wantFree(t, third.Mutex(0))
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, syscall.ENOSPC)
}

// The other Group of the process goes on, and so does what the kernel would do
// at its end.
func TestCloseOfOneOfTwoGroups(t *testing.T) {
	g := newGroup(t, 1)
	p := startHolding(t, g, 0)
	one, two := join(t, g), join(t, g)
	for _, m := range []*lock.Mutex{one.Mutex(0), two.Mutex(0)} {
		wantHeld(t, m)
	}
	kit.Must(t, one.Close())
	p.Kill()
	if !take(t, two.Mutex(0)) {
		t.Error("not abandoned")
	}
	wantHeld(t, g.Mutex(0))
	kit.Must(t, two.Mutex(0).Unlock())
}

// After many have come and gone nothing of them is left.
func TestJoiningAndClosingLeavesNoTrace(t *testing.T) {
	g := newGroupFor(t, 3, &lock.Config{Processes: 4})
	wantFree(t, g.Mutex(0))
	before, attached := values(t, g), nattch(t, g)
	var wg sync.WaitGroup
	for range 3 { // as there are slots
		wg.Go(func() {
			for range 100 {
				again, err := lock.OpenID(bg, g.ID(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range 3 {
					if _, err := again.Mutex(i).Lock(bg); err != nil {
						t.Error(err)
					}
					if err := again.Mutex(i).Unlock(); err != nil {
						t.Error(err)
					}
				}
				if err := again.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	after := values(t, g)
	// A mutex may have a token left, which costs a waiter one look.
	for i := range 3 {
		wake := len(after) - 3 + i
		if after[wake] > 1 {
			t.Errorf("%d tokens for mutex %d", after[wake], i)
		}
		after[wake] = before[wake]
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("values (-before +after):\n%s", diff)
	}
	if n := nattch(t, g); n != attached {
		t.Errorf("%d attachments, want %d", n, attached)
	}
	if got := pids(stat(t, g)); !slices.Equal(got, []int{syscall.Getpid()}) {
		t.Errorf("members %v, want us", got)
	}
	for i := range 3 {
		if take(t, g.Mutex(i)) {
			t.Errorf("mutex %d is abandoned", i)
		}
		kit.Must(t, g.Mutex(i).Unlock())
	}
}

// What is undone at the end of a process is what it has not undone itself: if
// it has left nothing of it happens, neither to the set nor to who has its slot.
func TestEndAfterClose(t *testing.T) {
	g := newGroup(t, 2)
	p, before := start(t, g), values(t, g)
	for _, i := range []string{"0", "1"} {
		p.does("lock "+i, "locked")
		p.does("unlock "+i, "ok")
	}
	p.does("close", "ok")
	p.does("lock 0", "file already closed")
	next := start(t, g)
	if pids := pids(stat(t, g)); !slices.Equal(pids, []int{syscall.Getpid(), next.pid()}) {
		t.Errorf("members %v, want us and %d", pids, next.pid())
	}
	p.Finish()
	if diff := cmp.Diff(before, values(t, g)); diff != "" {
		t.Errorf("values (-before +after):\n%s", diff)
	}
	next.does("lock 0", "locked")
	wantHeld(t, g.Mutex(0))
	next.does("unlock 0", "ok")
	next.Finish()
}

// A Close that is refused does not pretend that the mutexes were used.
func TestDeathAfterRefusedClose(t *testing.T) {
	g := newGroup(t, 2)
	p := startHolding(t, g, 0)
	p.does("close", lock.ErrInUse.Error())
	p.does("lock 1", "locked")
	for i := range 2 {
		wait := asyncLock(t, kit.Patient(t), g.Mutex(i))
		awaitWaiters(t, g, i, 1)
		defer func() { kit.Must(t, wait()) }()
	}
	p.Kill()
}

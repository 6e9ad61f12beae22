//go:build linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

func TestRemovalWakesWaiters(t *testing.T) {
	g := newGroup(t, 2)
	m := g.Mutex(0)
	other := join(t, g)
	take(t, other.Mutex(0))
	var waits []func() error
	for range 4 { // one in the kernel, the others behind it
		waits = append(waits, asyncLock(t, bg, m))
	}
	ps := []member{start(t, g), start(t, g)}
	for _, p := range ps {
		p.Send("lock 0")
	}
	awaitWaiters(t, g, 0, 1+len(ps))
	awaitQueue(t, m, len(waits)-1)
	kit.Must(t, g.Remove())
	for _, wait := range waits {
		kit.WantError(t, wait(), sysv.ErrRemoved)
	}
	for _, p := range ps {
		p.Expect(sysv.ErrRemoved.Error())
		p.does("lock 0", sysv.ErrRemoved.Error())
		p.does("close", "ok")
		p.Finish()
	}
	// There were waiters, whom nobody can wake now.
	kit.WantError(t, other.Mutex(0).Unlock(), sysv.ErrRemoved)
	kit.WantError(t, other.Mutex(0).Unlock(), lock.ErrNotLocked)
	wantGoneMutex(t, other.Mutex(0))
}

// wantGoneMutex checks that nobody can have a mutex any more.
func wantGoneMutex(t *testing.T, m *lock.Mutex) {
	t.Helper()
	_, err := m.Lock(kit.Patient(t))
	kit.WantError(t, err, sysv.ErrRemoved)
	ok, _, err := m.TryLock()
	kit.WantError(t, err, sysv.ErrRemoved)
	if ok {
		t.Error("it was taken")
	}
	kit.WantError(t, m.Unlock(), lock.ErrNotLocked)
}

// Members that need no system call are told all the same.
func TestRemovedGroupHasNoMutex(t *testing.T) {
	g := newGroup(t, 3)
	const free, held, dead = 0, 1, 2
	member := join(t, g)
	take(t, member.Mutex(free))
	kit.Must(t, member.Mutex(free).Unlock())
	take(t, member.Mutex(held))
	startHolding(t, g, dead).Kill()
	kit.Must(t, g.Remove())
	if _, err := member.Mutex(held).Lock(kit.Brief(t)); !errors.Is(err, sysv.ErrRemoved) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who is inside stays there: Lock %v", err)
	}
	kit.WantError(t, member.Mutex(held).Unlock(), sysv.ErrRemoved)
	for _, i := range []int{free, held, dead} {
		wantGoneMutex(t, member.Mutex(i))
		wantGoneMutex(t, g.Mutex(i))
	}
}

// An owner that had looked before the removal was marked gives the mutex back as
// a free one. Nobody has it for that.
func TestMutexGivenBackWhileTheGroupIsRemoved(t *testing.T) {
	g := newGroup(t, 1)
	m := g.Mutex(0)
	take(t, m)
	kit.Must(t, m.Unlock()) // by now it needs no system call
	w := wordsOf(t, g.ID())
	kit.Must(t, g.Remove())
	w[lineOf(0)] = 0
	wantGoneMutex(t, m)
}

func TestRemovedGroupIsNotFound(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	kit.Must(t, g.Remove())
	wantNames(t, key)
	_, err = lock.Open(kit.Patient(t), key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, sysv.ErrRemoved)
	kit.WantError(t, g.Remove(), sysv.ErrRemoved)

	next, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, nil)
	kit.Must(t, err)
	endGroup(t, next)
	if !created || next.ID() == g.ID() {
		t.Errorf("created %v, group %d after %d", created, next.ID(), g.ID())
	}

	kit.Must(t, g.Close())
	_, err = lock.OpenID(kit.Patient(t), g.ID(), nil)
	kit.WantError(t, err, fs.ErrNotExist)
	kit.WantError(t, g.Remove(), sysv.ErrRemoved)
	wantFree(t, next.Mutex(0))
}

func TestRemoveAfterClose(t *testing.T) {
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	kit.Must(t, g.Close())
	if n := len(names(t, key)); n != 2 {
		t.Errorf("the key names %d objects, want a segment and a set", n)
	}
	kit.Must(t, g.Remove())
	wantNames(t, key)
}

// The group goes that somebody waits for.
func TestGroupIsRemovedWhileItIsOpened(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	kit.Must(t, setOf(t, g).Do(bg, sem.Op{Num: joining, Delta: -1}))
	closed := func(g *lock.Group, err error) error {
		if err == nil {
			err = g.Close()
		}
		return err
	}
	byKey := kit.Async(t, func() error { return closed(lock.Open(bg, key, nil)) })
	byID := kit.Async(t, func() error { return closed(lock.OpenID(bg, g.ID(), nil)) })
	orCreate := kit.Async(t, func() error {
		g, created, err := lock.OpenOrCreate(bg, key, 1, nil)
		if err == nil && !created {
			err = errors.New("opened a group that was removed")
		}
		return closed(g, err)
	})
	kit.Eventually(t, "all have attached it", func() bool { return int(segments(t, key)[0].Nattch) == 4 })
	kit.Must(t, g.Remove())
	kit.Must(t, orCreate())
	if err := byKey(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err) // else it was in time to find none, or found the next
	}
	if err := byID(); !errors.Is(err, sysv.ErrRemoved) && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// Somebody takes the set away while another joins.
func TestSetIsRemovedWhileTheGroupIsOpened(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	g, err := lock.Create(bg, key, 1, nil)
	kit.Must(t, err)
	closeAfter(t, g)
	set := setOf(t, g)
	kit.Must(t, set.Do(bg, sem.Op{Num: joining, Delta: -1}))
	wait := kit.Async(t, func() error {
		g, created, err := lock.OpenOrCreate(bg, key, 1, nil)
		if err != nil || !created {
			return fmt.Errorf("created %v, %v", created, err)
		}
		return errors.Join(g.Remove(), g.Close())
	})
	kit.Eventually(t, "it is about to join", func() bool { n, err := set.Waiters(joining); return n == 1 && err == nil })
	kit.Must(t, set.Remove())
	kit.Must(t, wait())
}

// However a removal meets who opens the group, it is found whole or not at all.
func TestRemovalAgainstOpeners(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	r := storm.Random(t)
	key := newKey(t)
	found, created, none := 0, 0, 0
	for range storm.Amount(150, 10_000) {
		g, err := lock.Create(bg, key, 1, nil)
		kit.Must(t, err)
		pauses := [3]time.Duration{moment(r), moment(r), moment(r)}
		removal := kit.Async(t, func() error {
			dally(pauses[0])
			return errors.Join(g.Remove(), g.Close())
		})
		open := kit.Async(t, func() error {
			dally(pauses[1])
			g, err := lock.Open(bg, key, nil)
			if errors.Is(err, fs.ErrNotExist) {
				none++
				return nil
			}
			if err != nil {
				return err
			}
			found++
			return g.Close()
		})
		dally(pauses[2])
		next, isNew, err := lock.OpenOrCreate(bg, key, 1, nil)
		kit.Must(t, err)
		if isNew {
			created++
		}
		kit.Must(t, removal())
		if err := next.Remove(); isNew && err != nil || !isNew && !errors.Is(err, sysv.ErrRemoved) {
			t.Error(err)
		}
		kit.Must(t, next.Close())
		kit.Must(t, open())
		wantNames(t, key)
	}
	t.Logf("OpenOrCreate created %d, Open found %d and %d times none", created, found, none)
}

// Who has made a group is not alone with it.
func TestRemovalAgainstTheCreator(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	key := newKey(t)
	ctx, cancel := context.WithCancel(t.Context())
	finder := kit.Async(t, func() error {
		for ctx.Err() == nil {
			g, err := lock.Open(bg, key, nil)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if err := errors.Join(ignoreRemoved(g.Remove()), g.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	for range storm.Amount(1000, 10_000) {
		g, _, err := lock.OpenOrCreate(bg, key, 1, nil)
		if err != nil {
			t.Error(err)
			break
		}
		if err := errors.Join(ignoreRemoved(g.Remove()), g.Close()); err != nil {
			t.Error(err)
			break
		}
	}
	cancel()
	kit.Must(t, finder())
}

func ignoreRemoved(err error) error {
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	return err
}

// What somebody removed by halves, as ipcrm does, Remove removes wholly.
func TestRemoveWithoutTheSegment(t *testing.T) {
	g, err := lock.Create(bg, sysv.Private, 1, nil)
	kit.Must(t, err)
	st, err := g.Stat()
	kit.Must(t, err)
	kit.Must(t, g.Close())
	seg, err := shm.OpenID(st.SegmentID)
	kit.Must(t, err)
	kit.Must(t, seg.Remove())
	kit.WantError(t, g.Remove(), sysv.ErrRemoved)
	_, err = sem.OpenID(st.SetID)
	kit.WantError(t, err, fs.ErrNotExist)
}

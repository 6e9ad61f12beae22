//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// A ledger is what processes that die keep in a segment of its own, under the
// mutexes of a group. All of it is atomic only so that each write is made where
// it is written: a Store of a Load is lost if two do it at once.
type ledger struct {
	accounts [accountCount + sharedCount]account
	seats    [16]seat
}

const accountCount = 4

// sharedCount is how many accounts more there are, which RWMutexes guard.
const sharedCount = 2

// An account is guarded by the mutex of its number.
type account struct {
	total atomic.Uint32
	// An entry that has been begun is of seat open-1. 0 means none, and only
	// who dies in the middle of one leaves another value.
	open                   atomic.Uint32
	totalBefore, ownBefore atomic.Uint32

	unrepaired atomic.Uint32 // 1 while the mutex is free and known to be abandoned
	takeovers  atomic.Uint32 // how often Lock said abandoned for the first time
}

// A seat is that of a process, and of the next one when it is dead.
type seat struct {
	own   [accountCount + sharedCount]atomic.Uint32 // its part of each account's total, guarded with it
	doing atomic.Uint32
	gate  atomic.Uint32 // for a test and its process to wait for each other
}

// doing is where in the use of a mutex a process is: with where it died it tells
// whether it had the mutex.
type doing uint32

const (
	isOutside doing = iota
	isJoining
	isLocking // has the mutex perhaps
	isHolding // has it
	isUnlocking
	isReading
)

func (d doing) of(mutex int) doing { return d | doing(mutex)<<8 }
func (d doing) what() doing        { return d & 0xff }
func (d doing) mutex() int         { return int(d >> 8) }

func newLedger(t *testing.T) (id int, l *ledger) {
	t.Helper()
	seg, err := shm.Create(sysv.Private, int(unsafe.Sizeof(ledger{})), nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, mem.Detach()) })
	l, err = shm.View[ledger](mem, 0)
	kit.Must(t, err)
	return seg.ID(), l
}

// openLedger attaches a ledger, which the process's end detaches.
func openLedger(id int) (*ledger, error) {
	seg, err := shm.OpenID(id)
	if err != nil {
		return nil, err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	return shm.View[ledger](mem, 0)
}

// sum is what the total of an account must be.
func (l *ledger) sum(i int) (sum uint32) {
	for s := range l.seats {
		sum += l.seats[s].own[i].Load()
	}
	return sum
}

// A participant is a process in a group, or another that takes part as one, with a
// seat in the ledger.
type participant struct {
	*ledger
	group *lock.Group
	seat  int
	told  int         // how often Lock said abandoned to it
	lazy  func() bool // tells whether to leave a repair to the next owner
}

func (m *participant) does(d doing) { m.seats[m.seat].doing.Store(uint32(d)) }

// round makes an entry under a mutex. It calls between four times: before the
// entry is begun, twice in the middle of it, and when it is complete.
func (m *participant) round(ctx context.Context, i int, between func(int)) error {
	m.does(isLocking.of(i))
	abandoned, err := m.of(i).Lock(ctx)
	if err != nil {
		m.does(isOutside)
		return err
	}
	return m.inside(i, abandoned, between)
}

// of is the lock of an account, as one who writes has it.
func (m *participant) of(i int) locker {
	if i >= accountCount {
		return m.group.RWMutex(i - accountCount)
	}
	return m.group.Mutex(i)
}

type locker interface {
	Lock(context.Context) (bool, error)
	TryLock() (bool, bool, error)
	Unlock() error
	Repaired() error
}

// read looks at an account that a RWMutex guards, at the beginning and at the end, and
// calls between in the middle.
func (m *participant) read(ctx context.Context, i int, between func()) error {
	lock := m.group.RWMutex(i - accountCount)
	m.does(isLocking.of(i))
	abandoned, err := lock.RLock(ctx)
	if err != nil {
		m.does(isOutside)
		return err
	}
	m.does(isReading.of(i))
	if err := m.see(i, abandoned, between); err != nil {
		return err
	}
	err = lock.RUnlock()
	m.does(isOutside)
	return err
}

// see fails if what is read is not whole though nobody says that, or changes.
func (m *participant) see(i int, abandoned bool, between func()) error {
	a := &m.accounts[i]
	total, open := a.total.Load(), a.open.Load()
	if !abandoned && (open != 0 || total != m.sum(i)) {
		return fmt.Errorf("account %d is %d, want %d, and has a half-made entry of seat %d: RLock said nothing", i, total, m.sum(i), int(open)-1)
	}
	between()
	if now := a.total.Load(); now != total || a.open.Load() != open {
		return fmt.Errorf("account %d was %d and is %d while it is read", i, total, now)
	}
	return nil
}

// inside is the part of a round in which the mutex is locked.
func (m *participant) inside(i int, abandoned bool, between func(int)) error {
	if err := m.begin(i, abandoned); err != nil {
		return err
	}
	if abandoned {
		if m.lazy != nil && m.lazy() {
			return m.unlockUnrepaired(i)
		}
		if err := m.repair(i); err != nil {
			return err
		}
	}
	m.enter(i, between)
	return m.unlock(i)
}

// begin is what an owner does first: see whether Lock told the truth.
func (m *participant) begin(i int, abandoned bool) error {
	a := &m.accounts[i]
	known := a.unrepaired.Swap(0) != 0
	if abandoned {
		m.told++
		if !known {
			a.takeovers.Add(1)
		}
	}
	m.does(isHolding.of(i))
	if open := a.open.Load(); !abandoned && (known || open != 0) {
		return fmt.Errorf("account %d is unrepaired (%v) or has a half-made entry of seat %d, and Lock said nothing", i, known, int(open)-1)
	}
	return nil
}

// enter adds 1 to an account and to the own part of it.
func (m *participant) enter(i int, between func(int)) {
	a, own := &m.accounts[i], &m.seats[m.seat].own[i]
	between(0)
	a.totalBefore.Store(a.total.Load())
	a.ownBefore.Store(own.Load())
	a.open.Store(uint32(m.seat) + 1)
	between(1)
	a.total.Store(a.totalBefore.Load() + 1)
	between(2)
	own.Store(a.ownBefore.Load() + 1)
	a.open.Store(0)
	between(3)
}

// repair completes an entry that somebody died in, or as often takes it back.
// Who dies in that leaves it to the next.
func (m *participant) repair(i int) error {
	a := &m.accounts[i]
	if open := a.open.Load(); open != 0 {
		total := a.totalBefore.Load()
		add := total % 2
		a.total.Store(total + add)
		m.seats[open-1].own[i].Store(a.ownBefore.Load() + add)
		a.open.Store(0)
	}
	return m.of(i).Repaired()
}

func (m *participant) unlock(i int) error {
	m.does(isUnlocking.of(i))
	err := m.of(i).Unlock()
	m.does(isOutside)
	return err
}

func (m *participant) unlockUnrepaired(i int) error {
	m.does(isUnlocking.of(i))
	m.accounts[i].unrepaired.Store(1)
	return m.unlock(i)
}

// die is kill -9, here and now.
func die() {
	syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

// wantGone closes the last member of a group, checks that nobody is in it or has
// left anything in its set, and removes it.
func wantGone(t *testing.T, g *lock.Group) {
	t.Helper()
	st, err := g.Stat()
	kit.Must(t, err)
	if n := len(st.Members); n != 1 {
		t.Errorf("%d members, want 1: %v", n, st.Members)
	}
	kit.Must(t, g.Close())
	set, err := sem.OpenID(st.SetID)
	kit.Must(t, err)
	values, err := set.Values()
	kit.Must(t, err)
	if values[0] != 1 {
		t.Errorf("the semaphore for joining is %d, want 1", values[0])
	}
	for slot, v := range values[slotsAt : slotsAt+st.Processes] {
		if v != 0 {
			t.Errorf("slot %d is %d, want 0", slot, v)
		}
	}
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	segment, err := seg.Stat()
	kit.Must(t, err)
	if segment.Nattch != 0 {
		t.Errorf("nattch %d, want 0", segment.Nattch)
	}
	kit.Must(t, g.Remove())
}

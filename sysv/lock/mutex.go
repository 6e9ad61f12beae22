package lock

import (
	"context"
	"fmt"
	"sync/atomic"

	"example.com/sysvipc/sysv/internal/turn"
	"example.com/sysvipc/sysv/sem"
)

// ErrNotLocked says that Unlock or Repaired was called where this process does
// not hold the mutex through this Group.
var ErrNotLocked = sem.ErrNotLocked

// A Mutex is one of a group's locks. The package documentation says what it
// promises and what not.
//
// Goroutines of one process queue in Go, and one of them at a time waits in the
// kernel. They are not told apart: one may unlock what another locked.
type Mutex struct {
	me     atomic.Uint32 // the word while this process has it; 0 until armed and after Close
	queued atomic.Bool   // who has it came by the queue, and has the turn
	cell   *cell
	group  *Group
	index  int
	turn   turn.Turn
}

// Lock waits until the mutex is free and takes it. When ctx ends first it
// returns ctx's error and has taken nothing. Once it has the mutex the error is
// nil, whatever has become of ctx.
//
// abandoned says that an owner died, or ended without unlocking, and nobody has
// called Repaired since: what the mutex guards may be half-written. That is no
// error: the mutex is locked all the same.
//
// Errors: [sysv.ErrRemoved] where the set is gone, and with it what tells the
// living from the dead; [os.ErrClosed] after Close. A mutex that nobody holds
// is taken without a system call, and so even after Remove.
func (m *Mutex) Lock(ctx context.Context) (abandoned bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if me := m.me.Load(); me != 0 && m.cell.word.CompareAndSwap(0, me) {
		return m.got(), nil
	}
	return m.lock(ctx)
}

// TryLock is Lock that returns false where it would have to wait.
func (m *Mutex) TryLock() (ok, abandoned bool, err error) {
	me, err := m.arm()
	if err != nil {
		return false, false, m.error(err)
	}
	if m.cell.word.CompareAndSwap(0, me) {
		return true, m.got(), nil
	}
	s := m.cell.word.Load()
	if s == 0 {
		return false, false, nil // free again: who had it was just here
	}
	dead, err := m.group.dead(s)
	if err != nil || !dead || !m.takeOver(s, me) {
		return false, false, m.error(err)
	}
	return true, true, nil
}

// Unlock gives the mutex back. Where this process does not hold it the error is
// [ErrNotLocked], and nothing has happened; after any other the mutex is
// unlocked, but who waits for it may not have been woken: with
// [sysv.ErrRemoved] nobody can be.
func (m *Mutex) Unlock() error {
	releasing(m)
	if me := m.me.Load(); me != 0 && !m.queued.Load() && m.cell.word.CompareAndSwap(me, 0) {
		at(unlocked)
		return nil
	}
	return m.unlock()
}

// Repaired says that what the mutex guards is whole again: from now on Lock
// does not call it abandoned. Only who holds the mutex may say so; else the
// error is [ErrNotLocked].
func (m *Mutex) Repaired() error {
	if !m.held() {
		return m.error(ErrNotLocked)
	}
	m.cell.dirty.Store(0)
	at(repaired)
	return nil
}

// got is what follows when the mutex has been taken.
func (m *Mutex) got() (abandoned bool) {
	at(locked)
	acquired(m)
	return m.cell.dirty.Load() != 0
}

// lock is Lock where the mutex is not free, or has not been used yet.
func (m *Mutex) lock(ctx context.Context) (abandoned bool, err error) {
	if err := m.turn.Take(ctx); err != nil {
		return false, err
	}
	abandoned, err = m.contend(ctx)
	if err != nil {
		m.turn.Pass()
		return false, m.error(err)
	}
	m.queued.Store(true)
	return abandoned, nil
}

// contend takes the mutex from other processes. The order of what it does is
// that of the package documentation.
func (m *Mutex) contend(ctx context.Context) (abandoned bool, err error) {
	me, err := m.arm()
	if err != nil {
		return false, err
	}
	if m.spin(me) {
		return m.got(), nil
	}
	for word := &m.cell.word; ; {
		s := word.Load()
		if s == 0 {
			// Others may wait still: it is not known whether.
			if word.CompareAndSwap(0, me|waiters) {
				at(lockedAfterWait)
				return m.got(), nil
			}
			continue
		}
		if s&waiters == 0 {
			if word.CompareAndSwap(s, s|waiters) {
				at(waitersMarked)
			}
			continue
		}
		dead, err := m.group.dead(s)
		if err != nil {
			return false, err
		}
		if dead {
			if m.takeOver(s, me) {
				return true, nil
			}
			continue
		}
		if err := m.group.set.Do(ctx, sem.Op{Num: m.group.wake(m.index), Delta: -1}); err != nil {
			return false, err
		}
		at(wokenUp)
	}
}

// takeOver takes the mutex from an owner that is dead.
func (m *Mutex) takeOver(s, me uint32) bool {
	if !m.cell.word.CompareAndSwap(s, me|waiters) {
		return false
	}
	at(takenOver)
	m.cell.dirty.Store(1)
	m.cell.recoveries.Add(1)
	at(dirtied)
	acquired(m)
	return true
}

// unlock is Unlock where others may wait, of this process or of others.
func (m *Mutex) unlock() error {
	me, s := m.mine(), uint32(0)
	for {
		s = m.cell.word.Load()
		if me == 0 || s&^waiters != me {
			return m.error(ErrNotLocked)
		}
		if m.cell.word.CompareAndSwap(s, 0) {
			break
		}
	}
	at(unlocked)
	var err error
	if s&waiters != 0 {
		// One is woken. Where a token lies there already, it will be.
		wake := m.group.wake(m.index)
		_, err = m.group.set.Try(sem.Op{Num: wake}, sem.Op{Num: wake, Delta: +1})
		at(posted)
	}
	if m.queued.Swap(false) {
		m.turn.Pass()
	}
	return m.error(err)
}

// held tells whether this process has the mutex.
func (m *Mutex) held() bool {
	me := m.mine()
	return me != 0 && m.cell.word.Load()&^waiters == me
}

// mine is what the word is while this process has the mutex, or 0. Where it is 0
// a Close may be under way, which can be refused.
func (m *Mutex) mine() uint32 {
	if me := m.me.Load(); me != 0 {
		return me
	}
	m.group.mu.Lock()
	defer m.group.mu.Unlock()
	return m.me.Load()
}

// error says which mutex it was. A context's error stays what it is.
func (m *Mutex) error(err error) error {
	if err == nil || err == context.Canceled || err == context.DeadlineExceeded {
		return err
	}
	return fmt.Errorf("lock: mutex %d of group %d: %w", m.index, m.group.ID(), err)
}

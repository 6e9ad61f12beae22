package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/race"
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
	me     atomic.Uint32  // the word while this process has it; nobody where Lock must arm, and after Close
	queued atomic.Bool    // who has it came by the queue, and has the turn
	armed  bool           // this process's end adds a token; with the group's mu held
	word   *atomic.Uint32 // cell's
	cell   *cell
	group  *Group
	index  int
	turn   turn.Turn
	nap    nap // of who has the turn, where his context can't end
}

func (m *Mutex) init(g *Group, index int, c *cell) {
	m.group, m.index, m.cell, m.word = g, index, c, &c.word
	m.me.Store(nobody)
}

// Lock waits until the mutex is free and takes it. When ctx ends first it
// returns ctx's error and has taken nothing. Once it has the mutex the error is
// nil, whatever has become of ctx.
//
// abandoned says that an owner died, or ended without unlocking, and nobody has
// called Repaired since: what the mutex guards may be half-written. That is no
// error: the mutex is locked all the same.
//
// Errors: [sysv.ErrRemoved] where the group is removed, or its set is gone, and
// with it what tells the living from the dead; [os.ErrClosed] after Close.
func (m *Mutex) Lock(ctx context.Context) (abandoned bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if me := m.me.Load(); me != nobody && m.word.CompareAndSwap(0, me) {
		abandoned, err = m.got()
		return abandoned, m.error(err)
	}
	return m.lock(ctx)
}

// TryLock is Lock that returns false where it would have to wait. It takes a
// mutex that is free, whoever has waited for it.
func (m *Mutex) TryLock() (ok, abandoned bool, err error) {
	me, err := m.arm()
	if err != nil {
		return false, false, m.error(err)
	}
	if m.word.CompareAndSwap(0, me) {
		abandoned, err = m.got()
		return err == nil, abandoned, m.error(err)
	}
	s := m.word.Load()
	if s == 0 {
		return false, false, nil // free again: who had it was just here
	}
	if s == kept {
		if !m.takeKept(me) {
			return false, false, nil
		}
		abandoned, err = m.got()
		return err == nil, abandoned, m.error(err)
	}
	dead, err := m.group.dead(s)
	if err != nil || !dead || !m.takeOver(s, me) {
		return false, false, m.error(err)
	}
	abandoned, err = m.gotMarked()
	return err == nil, abandoned, m.error(err)
}

// Unlock gives the mutex back. Where this process does not hold it the error is
// [ErrNotLocked], after Close [os.ErrClosed], and nothing has happened. After
// any other the mutex is unlocked, but who waits for it may not have been woken:
// with [sysv.ErrRemoved] nobody can be.
func (m *Mutex) Unlock() error {
	if race.Enabled {
		m.releasing()
	}
	if m.word.CompareAndSwap(m.me.Load(), 0) {
		if stepping {
			at(unlocked)
		}
		return nil
	}
	return m.unlock()
}

// Repaired says that what the mutex guards is whole again: from now on Lock
// does not call it abandoned. Only who holds the mutex may say so; else the
// error is [ErrNotLocked].
func (m *Mutex) Repaired() error {
	me, err := m.mine()
	if err == nil && m.word.Load()&^waiters != me {
		err = ErrNotLocked
	}
	if err != nil {
		return m.error(err)
	}
	m.cell.marks.And(^uint32(abandonedMark))
	at(repaired)
	return nil
}

// got is what follows when the mutex has been taken.
func (m *Mutex) got() (abandoned bool, err error) {
	at(locked)
	if race.Enabled {
		m.acquired()
	}
	if m.cell.marks.Load() == 0 {
		return false, nil
	}
	return m.gotMarked()
}

// gotMarked is got where there is something to say of the mutex. Of a group
// that is removed nobody has one: poison came before its owner gave it back.
func (m *Mutex) gotMarked() (abandoned bool, err error) {
	marks := m.cell.marks.Load()
	if marks&removedMark == 0 {
		return marks&abandonedMark != 0, nil
	}
	m.word.Store(removed)
	return false, sysv.ErrRemoved
}

// lock is Lock where the mutex is not free, or has not been used lately.
func (m *Mutex) lock(ctx context.Context) (abandoned bool, err error) {
	if err := m.turn.Take(ctx); err != nil {
		return false, err
	}
	me, err := m.arm()
	if err == nil && m.spin(me) {
		m.turn.Pass()
		abandoned, err = m.got()
		return abandoned, m.error(err)
	}
	if err == nil {
		abandoned, err = m.contend(ctx, me)
	}
	if err != nil {
		m.turn.Pass()
		return false, m.error(err)
	}
	// The word has waiters set, so that Unlock comes to pass the turn on.
	m.queued.Store(true)
	return abandoned, nil
}

// contend takes the mutex from other processes. The order of what it does is
// that of the package documentation.
func (m *Mutex) contend(ctx context.Context, me uint32) (abandoned bool, err error) {
	since := time.Now()
	slept, tookToken := false, false
	for word := m.word; ; {
		s := word.Load()
		if s == 0 {
			// Others may wait still: it is not known whether.
			if word.CompareAndSwap(0, me|waiters) {
				at(lockedAfterWait)
				return m.got()
			}
			continue
		}
		if s == kept && slept {
			if m.takeKept(me) {
				return m.got()
			}
			continue
		}
		if s&waiters == 0 {
			if word.CompareAndSwap(s, s|waiters) {
				at(waitersMarked)
			}
			continue
		}
		if s != kept {
			dead, err := m.group.dead(s)
			if err != nil {
				if tookToken {
					err = errors.Join(err, m.addToken()) // it may have been a death's
				}
				return false, err
			}
			if dead {
				if m.takeOver(s, me) {
					return m.gotMarked()
				}
				continue
			}
		}
		woken, err := m.sleep(ctx, m.patience(since))
		if err != nil {
			return false, err
		}
		slept = true
		if woken {
			tookToken = true
			at(wokenUp)
		}
	}
}

// takeKept takes a mutex that is kept for waiters. The next to be kept is for who
// says again that he has waited long.
func (m *Mutex) takeKept(me uint32) bool {
	if !m.word.CompareAndSwap(kept, me|waiters) {
		return false
	}
	at(lockedAfterWait)
	m.cell.marks.And(^uint32(longWaitMark))
	at(longWaitEnded)
	return true
}

// takeOver takes the mutex from an owner that is dead.
func (m *Mutex) takeOver(s, me uint32) bool {
	if !m.word.CompareAndSwap(s, me|waiters) {
		return false
	}
	at(takenOver)
	m.cell.marks.Or(abandonedMark)
	at(dirtied)
	m.cell.recoveries.Add(1)
	at(recoveryCounted)
	if race.Enabled {
		m.acquired()
	}
	return true
}

// unlock is Unlock where others may wait, of this process or of others.
func (m *Mutex) unlock() error {
	me, err := m.mine()
	if err != nil {
		return m.error(err)
	}
	s := m.word.Load()
	for s&^waiters == me && !m.word.CompareAndSwap(s, m.freed(s)) {
		s = m.word.Load()
	}
	if s&^waiters != me {
		// One Unlock too many may have come before this one.
		m.pass()
		return m.error(ErrNotLocked)
	}
	at(unlocked)
	if s&waiters != 0 {
		err = m.addToken()
	}
	m.pass()
	return m.error(err)
}

// freed is what the word s becomes when its owner gives the mutex back: in a
// group that is removed nothing that anybody could take.
func (m *Mutex) freed(s uint32) uint32 {
	marks := m.cell.marks.Load()
	switch {
	case marks&removedMark != 0:
		return removed
	case marks&longWaitMark != 0:
		return s & waiters // kept
	}
	return 0
}

// pass hands the turn on if who had the mutex came by the queue. Where somebody
// else of this process has it already, it may be his turn: then he does not hand
// it on.
func (m *Mutex) pass() {
	if m.queued.Swap(false) {
		m.turn.Pass()
	}
}

// addToken wakes a waiter. Where a token lies there already, one will be woken.
func (m *Mutex) addToken() error {
	wake := m.group.wake(m.index)
	_, err := m.group.set.Try(sem.Op{Num: wake}, sem.Op{Num: wake, Delta: +1})
	at(posted)
	return err
}

// mine is what the word is while this process has the mutex. If it can't have
// it, the error is that of who does not hold it.
func (m *Mutex) mine() (me uint32, err error) {
	if me := m.me.Load(); me != nobody {
		return me, nil
	}
	m.group.mu.Lock() // a Close may be under way, which can be refused
	defer m.group.mu.Unlock()
	if err := m.usable(); err != nil {
		return nobody, err
	}
	if !m.armed {
		return nobody, ErrNotLocked
	}
	return m.group.me, nil
}

// usable returns the error of every method where there is no such mutex; with
// the group's mu held.
func (m *Mutex) usable() error {
	if m.group.closed {
		return os.ErrClosed
	}
	if m.index < 0 || m.index >= m.group.Len() {
		return fmt.Errorf("the group has %d: %w", m.group.Len(), syscall.EINVAL)
	}
	return nil
}

// error says which mutex it was. A context's error stays what it is.
func (m *Mutex) error(err error) error {
	if err == nil {
		return nil
	}
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	if race.Enabled && errors.Is(err, sysv.ErrRemoved) {
		m.group.sawRemoved()
	}
	return fmt.Errorf("lock: mutex %d of group %d: %w", m.index, m.group.ID(), err)
}

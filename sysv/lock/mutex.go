package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

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
	shared bool           // it is a RWMutex's
	armed  bool           // this process's end adds a token; with the group's mu held
	word   *atomic.Uint32 // cell's
	*cell
	group *Group
	index int
	turn  turn.Turn
	rest  *nap // of who has the turn
	nap   nap  // where his context can't end
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
		if m.unmarked() {
			return false, nil
		}
		return m.gotMarked(me)
	}
	return m.lock(ctx)
}

// TryLock is Lock that returns false where it would have to wait. It takes a
// mutex that is free, whoever has waited for it.
func (m *Mutex) TryLock() (ok, abandoned bool, err error) {
	if me := m.me.Load(); me != nobody && m.word.CompareAndSwap(0, me) {
		if m.unmarked() {
			return true, false, nil
		}
		abandoned, err := m.gotMarked(me)
		return err == nil, abandoned, err
	}
	me, err := m.arm()
	if err != nil {
		return false, false, m.error(err)
	}
	l := locking{at: trying, me: me, try: true}
	for l.at != done {
		l.step(m)
	}
	return l.took, l.abandoned, m.ended(&l)
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
	m.unmark(abandonedMark)
	at(repaired)
	return nil
}

// unmarked tells, after the first step has taken the mutex, whether that is all.
func (m *Mutex) unmarked() bool {
	if stepping {
		at(locked)
	}
	if race.Enabled {
		m.acquired()
	}
	return m.marks.Load() == 0
}

// gotMarked is the rest where there is something to say of the mutex.
func (m *Mutex) gotMarked(me uint32) (abandoned bool, err error) {
	l := locking{at: reading, me: me, took: true}
	for l.at != done {
		l.step(m)
	}
	return l.abandoned, m.ended(&l)
}

// lock is Lock where the mutex is not free, or has not been used lately.
func (m *Mutex) lock(ctx context.Context) (abandoned bool, err error) {
	if err := m.turn.Take(ctx); err != nil {
		return false, err
	}
	me, err := m.arm()
	if err != nil {
		m.turn.Pass()
		return false, m.error(err)
	}
	if m.spin(me) {
		m.turn.Pass()
		if m.unmarked() {
			return false, nil
		}
		return m.gotMarked(me)
	}
	l := locking{at: looking, me: me}
	m.run(ctx, &l)
	if !l.took {
		m.turn.Pass()
		return false, m.ended(&l)
	}
	// The word has waiters set, so that Unlock comes to pass the turn on.
	m.queued.Store(true)
	return l.abandoned, m.ended(&l)
}

// ended is the error of a locking.
func (m *Mutex) ended(l *locking) error {
	if race.Enabled && l.took {
		m.acquired()
	}
	return m.error(l.err)
}

// unlock is Unlock where others may wait, of this process or of others.
func (m *Mutex) unlock() error {
	me, err := m.mine()
	if err != nil {
		return m.error(err)
	}
	u := unlocking{at: looking, me: me}
	for u.at != done {
		u.step(m)
	}
	m.pass() // also after ErrNotLocked: one Unlock too many may have come before this one
	return m.error(u.err)
}

// pass hands the turn on if who had the mutex came by the queue. Where somebody
// else of this process has it already, it may be his turn: then he does not hand
// it on.
func (m *Mutex) pass() {
	if m.queued.Swap(false) {
		m.turn.Pass()
	}
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
	if g := m.group; m.index < 0 || m.index >= len(g.mutexes) || m != &g.mutexes[m.index] {
		have := g.Len()
		if m.shared {
			have = g.RWMutexes()
		}
		return fmt.Errorf("the group has %d: %w", have, syscall.EINVAL)
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
	name, index := "mutex", m.index
	if m.shared {
		name, index = "RWMutex", m.index-m.group.Len()
	}
	return fmt.Errorf("lock: %s %d of group %d: %w", name, index, m.group.ID(), err)
}

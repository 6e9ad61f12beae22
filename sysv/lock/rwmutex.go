package lock

import (
	"context"
	"errors"
	"sync/atomic"

	"example.com/sysvipc/sysv/internal/race"
)

// A RWMutex is one of a group's read/write locks: any number of readers have it, or
// one writer. The package documentation says what it promises and what not.
//
// Readers of several processes share no memory that they write to, so that they do not
// slow each other down. A reader's death is nobody's concern. Writers are a [Mutex].
//
// A writer that waits keeps new readers out, so that it gets in when those who are there
// have left. Therefore a goroutine that reads must not take the lock for reading once
// more, as with [sync.RWMutex]: a writer may have come in between. A reader that has
// waited for 5 ms says so, and then the next writer lets it in before it goes in itself:
// also where one comes again at once, two of its turns pass by a reader at most after
// that.
//
// Goroutines of a process are not told apart: one may give back what another took. At
// most 8,388,607 can read at once.
type RWMutex struct {
	writer  *Mutex
	readers *atomic.Uint32 // how many of this process read
	*cell
	visits atomic.Int32 // calls of this process that look round or wait
}

func (m *RWMutex) init(g *Group, i int) {
	m.writer = &g.mutexes[g.Len()+i]
	m.writer.shared = true
	m.cell = m.writer.cell
}

// noRWMutex is one that the group has not.
func noRWMutex(g *Group, i int) *RWMutex {
	w := new(Mutex)
	w.init(g, g.Len()+i, new(cell))
	w.shared = true
	return &RWMutex{writer: w, readers: new(atomic.Uint32), cell: w.cell}
}

// RLock waits until there is no writer and takes the lock for reading. When ctx ends
// first it returns ctx's error and has taken nothing.
//
// abandoned says that a writer died while it had the lock, or ended without unlocking,
// and no writer has called Repaired since: what the lock guards may be half-written. The
// lock is taken all the same. Only a writer can repair: who does not want to read what is
// half-written gives the lock back and waits for that, or comes as a writer himself.
//
// Errors: [sysv.ErrRemoved] where the group is removed, or its set is gone, and with it
// what tells the living from the dead; [os.ErrClosed] after Close.
func (m *RWMutex) RLock(ctx context.Context) (abandoned bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if m.writer.me.Load() == nobody {
		return m.rlock(ctx, sharing{at: looking})
	}
	n := m.readers.Add(1)
	if n&tooMany == 0 && free(m.word.Load()) && m.marks.Load()&(abandonedMark|removedMark) == 0 {
		m.reads()
		return false, nil
	}
	return m.rlock(ctx, sharing{at: facing, n: n})
}

// TryRLock is RLock that returns false where it would have to wait.
func (m *RWMutex) TryRLock() (ok, abandoned bool, err error) {
	s := sharing{at: looking, try: true}
	abandoned, err = m.share(context.Background(), &s)
	return s.took, abandoned, err
}

// RUnlock gives back what RLock or TryRLock took. Where nobody of this process reads
// the error is [ErrNotLocked], after Close [os.ErrClosed], and nothing has happened.
func (m *RWMutex) RUnlock() error {
	if race.Enabled {
		m.releasingAsReader()
	}
	n := m.readers.Load()
	for n&inside != 0 {
		if m.readers.CompareAndSwap(n, n-1) {
			if stepping {
				at(readerOut)
			}
			if m.gone[readersGone].Awaited() && n&inside == 1 {
				m.tell(readersGone)
			}
			return nil
		}
		n = m.readers.Load()
	}
	return m.notRead()
}

// Lock waits until there is neither a writer nor a reader that lives, and takes the lock
// for writing. When ctx ends first it returns ctx's error and has taken nothing.
// abandoned and errors are as in RLock.
func (m *RWMutex) Lock(ctx context.Context) (abandoned bool, err error) {
	abandoned, err = m.writer.Lock(ctx)
	if err != nil { // it may have had the mutex for a moment
		m.tell(writerGone)
		return false, err
	}
	if m.occupy() {
		return abandoned, nil
	}
	err = m.empty(ctx, &emptying{at: measuring})
	return abandoned && err == nil, err
}

// TryLock is Lock that returns false where it would have to wait.
func (m *RWMutex) TryLock() (ok, abandoned bool, err error) {
	ok, abandoned, err = m.writer.TryLock()
	if !ok || err != nil {
		m.tell(writerGone)
		return false, false, err
	}
	e := emptying{at: measuring, try: true}
	err = m.empty(context.Background(), &e)
	return e.in, abandoned && e.in, err
}

// Unlock gives back what Lock or TryLock took. Errors are those of [Mutex.Unlock].
func (m *RWMutex) Unlock() error {
	me := m.writer.me.Load()
	if m.word.Load() != me || m.marked()&inMark == 0 {
		return m.vacate(emerging)
	}
	if race.Enabled {
		m.writer.releasing()
	}
	m.unmark(inMark)
	if stepping {
		at(writerOut)
	}
	if !m.word.CompareAndSwap(me, 0) {
		return m.giveBack()
	}
	if stepping {
		at(unlocked)
	}
	m.writer.pass()
	m.tell(writerGone)
	if stepping {
		at(readersTold)
	}
	return nil
}

// Downgrade makes the writer a reader, with no other writer in between: give the lock
// back with RUnlock. Others may read from then on. Errors are those of Unlock.
func (m *RWMutex) Downgrade() error { return m.vacate(staying) }

// Repaired says that what the lock guards is whole again: from now on neither Lock nor
// RLock call it abandoned. Only the writer may say so; else the error is [ErrNotLocked].
func (m *RWMutex) Repaired() error {
	if err := m.mine(); err != nil {
		return m.writer.error(err)
	}
	return m.writer.Repaired()
}

// reads is what there is to do when a reader has come in by the first step.
func (m *RWMutex) reads() {
	if stepping {
		at(readerIn)
	}
	if race.Enabled {
		m.writer.acquired()
	}
}

// rlock is RLock where there may be a writer, or something to say of the lock, or
// where it has not been used lately.
//
//go:noinline
func (m *RWMutex) rlock(ctx context.Context, s sharing) (abandoned bool, err error) {
	return m.share(ctx, &s)
}

// share is the rest of what a reader does to come in.
func (m *RWMutex) share(ctx context.Context, s *sharing) (abandoned bool, err error) {
	m.visits.Add(1)
	defer m.visits.Add(-1)
	if s.me, err = m.writer.arm(); err != nil {
		if s.at == facing {
			s.fail(err, withdrawing)
		} else {
			return false, m.writer.error(err)
		}
	}
	m.visit(ctx).share(s)
	if race.Enabled && s.took {
		m.writer.acquired()
	}
	return s.abandoned, m.writer.error(s.err)
}

// notRead is RUnlock where nobody reads.
func (m *RWMutex) notRead() error {
	_, err := m.writer.mine()
	if err == nil {
		err = ErrNotLocked
	}
	return m.writer.error(err)
}

// occupy is empty where nobody reads.
func (m *RWMutex) occupy() bool {
	g := m.writer.group
	first := (m.writer.index - g.Len()) * len(g.generations)
	for i := range g.crowds[first : first+g.usedSlots()] {
		if g.crowds[first+i].word.Load() != 0 {
			return false
		}
	}
	m.mark(inMark)
	if stepping {
		at(writerIn)
	}
	if race.Enabled {
		m.acquiredOfReaders()
	}
	return true
}

// empty waits, as the one who has the writers' mutex, until there are no readers.
// Where that is in vain it gives the mutex back.
func (m *RWMutex) empty(ctx context.Context, e *emptying) error {
	v := m.visit(ctx)
	v.empty(e)
	if e.in {
		if race.Enabled {
			m.acquiredOfReaders()
		}
		return nil
	}
	if err := m.giveBack(); err != nil {
		return errors.Join(m.writer.error(e.err), err)
	}
	return m.writer.error(e.err)
}

// giveBack is the rest of Unlock once the writer is in no more, or has not come in.
func (m *RWMutex) giveBack() error {
	u := vacating{at: returning, back: unlocking{at: freeing, me: m.writer.group.me}}
	m.visit(context.Background()).vacate(&u)
	m.writer.pass()
	return m.writer.error(u.err)
}

// vacate gives the lock back as its writer.
func (m *RWMutex) vacate(from place) error {
	if err := m.mine(); err != nil {
		return m.writer.error(err)
	}
	if race.Enabled {
		m.writer.releasing()
	}
	u := vacating{at: from, back: unlocking{at: freeing, me: m.writer.group.me}}
	m.visit(context.Background()).vacate(&u)
	m.writer.pass()
	return m.writer.error(u.err)
}

// mine returns an error unless this process has the lock as a writer.
func (m *RWMutex) mine() error {
	me, err := m.writer.mine()
	if err == nil && (m.word.Load()&^waiters != me || m.marked()&inMark == 0) {
		err = ErrNotLocked
	}
	return err
}

// inUse tells whether this process reads or waits to; its writer is another matter.
func (m *RWMutex) inUse() bool {
	return m.visits.Load() != 0 || m.readers.Load()&inside != 0
}

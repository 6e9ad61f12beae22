package ring

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
)

// A membership is what a Queue, a Feed and a Latest are of their group. Their calls need
// not ask the kernel for anything, and so must look from time to time whether there is
// something to belong to. That costs them one load: a timer that runs while there
// are calls says when it is time.
type membership struct {
	group *lock.Group
	kind  string // Queue, Feed or Latest

	fresh atomic.Bool // a look was not long ago

	waiting atomic.Int32 // calls that may sleep, with which it can't be closed

	closing sync.Mutex // of close, and of what must not run beside it
	closed  bool
	timer   *time.Timer
}

// ID returns the id of the segment, 0 or more, by which another process can open it.
func (m *membership) ID() int { return m.group.ID() }

// Key returns the key.
func (m *membership) Key() sysv.Key { return m.group.Key() }

// there returns nil if the group was there lately.
func (m *membership) there() error {
	if m.fresh.Load() || m.group == nil { // which tests have not
		return nil
	}
	return m.check()
}

func (m *membership) check() error {
	m.closing.Lock()
	defer m.closing.Unlock()
	if err := m.group.Check(); err != nil {
		return err
	}
	m.fresh.Store(true)
	if m.timer == nil {
		m.timer = time.AfterFunc(lookAround, func() { m.fresh.Store(false) })
	} else {
		m.timer.Reset(lookAround)
	}
	return nil
}

// stale has the next call look. closing is held.
func (m *membership) stale() {
	if m.timer != nil {
		m.timer.Stop()
	}
	m.fresh.Store(false)
}

// ErrInUse says that Close came while this process had records, reservations or
// subscriptions, or another call was under way.
var ErrInUse = errors.New("in use by this process")

// close ends the membership unless it is in use: after leave, and before forget, which
// puts something in the place of the memory.
func (m *membership) close(inUse func() bool, leave func() error, forget func()) error {
	m.closing.Lock()
	defer m.closing.Unlock()
	if m.closed {
		return nil
	}
	if m.waiting.Load() > 0 || inUse() {
		return m.failed("Close", explain(ErrInUse, "a call is under way, or a record, a reservation or a subscription is open"))
	}
	err := leave()
	if errors.Is(m.group.Check(), sysv.ErrRemoved) {
		// After ipcrm(1) of one half nobody has use for the other.
		err = errors.Join(err, unless(m.group.Remove(), sysv.ErrRemoved, fs.ErrPermission))
	}
	if closing := m.group.Close(); closing != nil {
		if errors.Is(closing, lock.ErrInUse) { // a mutex is held or awaited
			closing = fmt.Errorf("%w: %w", ErrInUse, closing)
		}
		return m.failed("Close", errors.Join(err, closing))
	}
	m.closed = true
	m.stale()
	forget()
	if err != nil {
		return m.failed("Close", err)
	}
	return nil
}

// remove removes the group for everybody, and wakes who waits in this memory.
func (m *membership) remove(wake func()) error {
	err := m.group.Remove()
	m.closing.Lock()
	defer m.closing.Unlock()
	if !m.closed {
		m.stale()
		wake()
	}
	if err != nil {
		return m.failed("Remove", err)
	}
	return nil
}

// stat looks at the memory beside the state of the group, if that is there.
func (m *membership) stat(look func(group lock.Stat)) error {
	m.closing.Lock()
	defer m.closing.Unlock()
	err := m.group.Check()
	if err != nil {
		return m.failed("Stat", err)
	}
	st, err := m.group.Stat()
	if err != nil {
		return m.failed("Stat", err)
	}
	look(st)
	return nil
}

// whileOpen does what must not run beside Close, and not after it.
func (m *membership) whileOpen(call string, do func()) error {
	m.closing.Lock()
	defer m.closing.Unlock()
	if m.closed {
		return m.failed(call, fs.ErrClosed)
	}
	do()
	return nil
}

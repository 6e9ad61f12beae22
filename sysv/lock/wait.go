package lock

import (
	"context"
	"errors"
	"time"

	"example.com/sysvipc/sysv/sem"
)

// lookAgain is how long a waiter sleeps before he looks at the mutex again
// though nobody has woken him. Who should have done it may be stopped: he took
// the token, or has unlocked and is about to add it.
const lookAgain = 100 * time.Millisecond

// longWait is after how long a waiter says so, for the mutex to be kept for those
// who wait. Until then whoever is there first takes it, which costs them all less.
const longWait = 5 * time.Millisecond

// run takes the mutex from other processes. Whoever may have to wait has the turn.
func (m *Mutex) run(ctx context.Context, l *locking) {
	for since := time.Now(); l.at != done; l.step(m) {
		if l.at != sleeping {
			continue
		}
		longest := longWait - time.Since(since)
		if longest <= 0 {
			l.at = saying // each time anew: another may have ended it
			l.step(m)
			longest = lookAgain
		}
		m.napFor(ctx, longest)
	}
}

// nap is a context that has a deadline as well. It makes neither a channel nor a
// timer, for the kernel keeps the time (semtimedop(2)).
type nap struct {
	context.Context
	end time.Time
}

func (n *nap) Deadline() (time.Time, bool) {
	if d, ok := n.Context.Deadline(); ok && d.Before(n.end) {
		return d, true
	}
	return n.end, true
}

// meant is the error of a wait, which may have come to its end because the nap did:
// then it is none, unless the context has ended meanwhile.
func (n *nap) meant(err error) error {
	if d, _ := n.Deadline(); errors.Is(err, context.DeadlineExceeded) && d.Equal(n.end) {
		return n.Context.Err()
	}
	return err
}

// napFor says how wait waits.
func (m *Mutex) napFor(ctx context.Context, longest time.Duration) {
	m.rest = &m.nap
	if ctx.Done() != nil {
		m.rest = new(nap) // somebody may look at it later, who watches for its end
	}
	*m.rest = nap{ctx, time.Now().Add(longest)}
}

// The rest makes a Mutex, with its cell, what the protocol works on.

func (m *Mutex) slots() int                 { return len(m.group.generations) }
func (m *Mutex) generation(slot int) uint32 { return m.group.generations[slot].Load() }

func (m *Mutex) value(of semaphore) (int, error) {
	return m.group.set.Value(m.group.number(of, m.index))
}

func (m *Mutex) try(do ops) (bool, error) {
	var buf [mostOps]sem.Op
	return m.group.set.Try(m.group.encode(&buf, do, m.index)...)
}

func (m *Mutex) wait(do ops) (bool, error) {
	var buf [mostOps]sem.Op
	err := m.group.set.Do(m.rest, m.group.encode(&buf, do, m.index)...)
	if err == nil {
		return true, nil
	}
	return false, m.rest.meant(err)
}

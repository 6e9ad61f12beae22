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

// patience is how long to sleep now. Who has waited for long says so first, and
// each time anew: another may have ended it.
func (m *Mutex) patience(since time.Time) time.Duration {
	if left := longWait - time.Since(since); left > 0 {
		return left
	}
	m.cell.marks.Or(longWaitMark)
	at(longWaitMarked)
	return lookAgain
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

// over tells whether it was the nap that ended with err, not its context.
func (n *nap) over(err error) bool {
	d, _ := n.Deadline()
	return errors.Is(err, context.DeadlineExceeded) && n.Context.Err() == nil && d.Equal(n.end)
}

// sleep waits for a token and takes it. False means that it is time to look
// without one.
func (m *Mutex) sleep(ctx context.Context, longest time.Duration) (woken bool, err error) {
	n := &m.nap
	if ctx.Done() != nil {
		n = new(nap) // somebody may look at it later, who watches for its end
	}
	*n = nap{ctx, time.Now().Add(longest)}
	err = m.group.set.Do(n, sem.Op{Num: m.group.wake(m.index), Delta: -1})
	if err != nil && n.over(err) {
		return false, nil
	}
	return err == nil, err
}

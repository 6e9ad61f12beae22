package ring

import (
	"context"
	"errors"
	"unsafe"

	"example.com/sysvipc/sysv"
)

// Close ends the membership: what this process has leased and not been given goes to
// others, and nothing of the queue is left in it. The queue itself stays, unless it is
// ephemeral and this was its last member. Where a record is neither done with nor given
// back, or a reservation neither committed nor discarded, the error is [ErrInUse] and
// nothing has changed. To close again does nothing; Remove still works; everything else
// gives [os.ErrClosed]. Where somebody has removed the segment or the set alone, as
// ipcrm(1) does, Close removes the other, if this process may.
//
// No other call on the queue may begin while Close runs: it could touch memory that is
// there no more, which ends the program. A process need not close: its end does the same,
// and gives to others what it held.
func (q *Queue) Close() error {
	return q.close(q.inUse, func() error {
		// Where a stopped process has the mutex, others find out for themselves.
		ctx, cancel := context.WithTimeout(context.Background(), lookAround)
		defer cancel()
		return unless(q.giveUp(ctx), context.DeadlineExceeded, sysv.ErrRemoved)
	}, func() { q.memory = q.nothing() })
}

func (q *Queue) inUse() bool {
	q.gate.lock()
	defer q.gate.unlock()
	return q.held > 0 || len(q.writing) > 0
}

// giveUp gives to others what this member has and does not know of, or has not been
// given yet.
func (q *Queue) giveUp(ctx context.Context) error {
	q.producing[q.slot()].store(0)
	if q.ended.load() != 0 {
		q.notEmpty.ring() // this may have been the last that had not finished
	}
	changed, err := q.lockConsumers(ctx)
	if err != nil {
		return err
	}
	n, err := q.disown()
	q.gate.lock()
	q.current = nil
	q.gate.unlock()
	return errors.Join(err, q.unlockConsumers(changed || n > 0))
}

// nothing is an empty memory that looks as if there were something to do, so that each
// call asks the group, which is closed.
func (q *Queue) nothing() memory {
	m := memory{shared: new(shared), buffer: buffer{unsafe.Pointer(new([unit]byte)), q.size}, producing: make([]word, len(q.producing))}
	m.tail.store(1)
	return m
}

func unless(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// disown parks the leases of this member's word, makes padding of its reservations, and
// says how many there were. Who joins does it too: a member may have left them who
// had the same word, and died, so long ago that the words have come round.
func (q *Queue) disown() (n int, err error) {
	for i := range min(q.used.load(), uint32(len(q.cells))) {
		if q.cells[i].owner.load() == q.me {
			if err := q.park(i); err != nil {
				return n, err
			}
			n++
		}
	}
	read, tail := q.read.load(), q.tail.load()
	if tail-read > q.size {
		return n, errCorrupt
	}
	for at := read; at != tail; {
		if state := q.record(at).state.load(); state == q.me && q.record(at).state.swap(state, padding) {
			n++
		}
		_, units, err := q.extent(at, tail-at)
		if err != nil {
			return n, err
		}
		at += units
	}
	return n, nil
}

// Remove removes the queue and what is in it, for everybody: whoever waits is woken with
// [sysv.ErrRemoved], and nobody sends or receives any more. Who has a record or a
// reservation keeps the memory until he closes. Members must still Close. Only the owner,
// the creator or CAP_SYS_ADMIN may: others get [io/fs.ErrPermission], and nothing has
// changed. To remove again is [sysv.ErrRemoved]. What ipcrm(1) removes is noticed by all
// members within a tenth of a second.
func (q *Queue) Remove() error {
	return q.remove(func() {
		q.notEmpty.Advance()
		q.notFull.Advance()
	})
}

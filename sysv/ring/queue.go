package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

// A Queue is this process's membership in a queue of records: each goes to one
// consumer. All methods can be called by several goroutines at once.
type Queue struct {
	vigil
	member

	sends                atomic.Bool // it has said so
	claims               uint32      // behind the gate
	writing              []key       // so are the reservations that are open
	workComes, roomComes luck        // more of it
	workSpin, roomSpin   luck
	ready                func() bool // something is to be had
	consumed             pace        // of looking for the dead
	produced             pace        // of looking whether the queue is there
}

// ErrNotHeld says that a record was done with already, or given to others.
var ErrNotHeld = errors.New("record is not held")

// ErrTooLong says that a record has no place in the ring, however empty.
var ErrTooLong = fmt.Errorf("record is too long for the ring: %w", syscall.EMSGSIZE)

func (q *Queue) init() {
	q.consumed.init()
	q.produced.init()
	q.ready = func() bool { return q.work(q.me) || q.seemsEnded() || q.someoneDied() }
	q.most = min(q.size/4, longestLease)
}

// LongestRecord returns how many bytes a record may have: a quarter of the ring, less 8.
func (q *Queue) LongestRecord() int { return q.longestRecord() }

func (q *Queue) fits(n int) error {
	if n < 0 || n > q.longestRecord() {
		return fmt.Errorf("%d bytes of %d at most: %w", n, q.longestRecord(), ErrTooLong)
	}
	return nil
}

// longestRecord is how many bytes a record may have: a quarter of the ring with what
// stands before them.
func (m *memory) longestRecord() int { return int(m.size)/4*unit - unit }

// slot is this member's place.
func (q *member) slot() uint32 { return q.me>>slotShift - 1 }

// someoneDied tells whether somebody has left something, or the queue is gone, if it is
// time to look.
func (q *Queue) someoneDied() bool {
	if !q.consumed.due() {
		return false
	}
	if q.gone() {
		return true
	}
	left, err := q.look()
	return left || err != nil
}

// gone tells whether the next call will fail.
func (q *Queue) gone() bool { return q.group != nil && q.group.Check() != nil }

// lookAround is how often who has nothing to do asks the kernel who lives.
const lookAround = 50 * time.Millisecond

// A pace lets somebody look every lookAround.
type pace struct {
	begun time.Time
	last  atomic.Int64
}

func (p *pace) init() {
	p.begun = time.Now()
	p.last.Store(-int64(lookAround))
}

func (p *pace) due() bool {
	now := int64(time.Since(p.begun))
	last := p.last.Load()
	return now-last >= int64(lookAround) && p.last.CompareAndSwap(last, now)
}

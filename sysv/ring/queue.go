package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
)

// A Queue is this process's membership in a queue of records: each goes to one
// consumer. All methods can be called by several goroutines at once.
type Queue struct {
	membership
	member

	sends                atomic.Bool // it has said so
	claims               uint32      // behind the gate
	writing              []key       // so are the reservations that are open
	workComes, roomComes luck        // more of it
	workSpin, roomSpin   luck
	ready                func() bool // something is to be had
	looks                pace        // for the dead
}

// ErrNotHeld says that a record was done with already, or given to others.
var ErrNotHeld = errors.New("record is not held")

// ErrTooLong says that a record has no place in the ring, however empty.
var ErrTooLong = fmt.Errorf("record is too long for the ring: %w", syscall.EMSGSIZE)

func (q *Queue) init() {
	q.ready = func() bool { return q.work(q.me) || q.seemsEnded() || q.there() != nil || q.someoneDied() }
	q.most = min(q.size/4, longestLease)
}

// LongestRecord returns how many bytes a record may have: a quarter of the ring, less 8.
func (q *Queue) LongestRecord() int { return q.longestRecord() }

// slot is this member's place.
func (q *member) slot() uint32 { return q.me>>slotShift - 1 }

// someoneDied tells whether somebody has left something, if it is time to look.
func (q *Queue) someoneDied() bool {
	if !q.looks.due() {
		return false
	}
	left, err := q.look()
	return left || err != nil
}

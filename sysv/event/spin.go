package event

import (
	"sync/atomic"
	"time"
)

const (
	// longestSpin is for how long a waiter looks before he sleeps: less than it takes
	// to fall asleep and to be woken.
	longestSpin = 5 * time.Microsecond
	// mostSkipped is how many waits go by without that at most, while it is in vain.
	// Where both sides share a processor, which nobody can know, it always is.
	mostSkipped = 255
)

// A luck is how spinning went lately.
type luck struct {
	skip atomic.Int32 // so many waits are to go by
	next atomic.Int32 // and so many if it is in vain again
}

// lucks has one for each Count, or a few that have the same place.
var lucks [places]luck

// spin looks again and again for a moment, and returns whether it was ready.
func spin(c *Count, ready func() bool) bool {
	l := &lucks[c.place()]
	if skip := l.skip.Load(); skip > 0 {
		l.skip.Store(skip - 1)
		return false
	}
	for begin := time.Now(); time.Since(begin) < longestSpin; {
		for range 8 {
			if ready() {
				l.next.Store(0)
				return true
			}
		}
	}
	next := l.next.Load()
	l.skip.Store(next)
	l.next.Store(min(2*next+1, mostSkipped))
	return false
}

// wouldHave says that spinning would not have been in vain: what was waited for came
// before the waiter slept.
func (c *Count) wouldHave() { lucks[c.place()].skip.Store(0) }

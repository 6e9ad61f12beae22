package ring

import (
	"sync/atomic"
	"time"
)

// Where one side is as fast as the other, and has just caught up with it, each record
// costs both a journey of the lines that they share. So who finds little looks a few
// times more before he takes it, at first for a moment, and for as long as
// more is coming, some microseconds at most. Where nothing comes in that moment, as it is
// when he answers what he is sent, he soon leaves it at that.

//
// Who finds nothing looks for a moment, too, before he says that he waits: then the
// other has to make a system call to wake him.

// mostSkipped is how many times one does without it at most, while it is in vain.
const mostSkipped = 255

// longestSpin is less than it takes to be put to sleep and to be woken, and mostUnspun how
// many times one goes to sleep at once at most.
const (
	longestSpin = 10 * time.Microsecond
	mostUnspun  = 15
)

// A luck is how something went lately.
type luck struct {
	skip atomic.Uint32 // so many times it is left out
	next atomic.Uint32 // and so many if it is in vain again
}

// skipped tells whether it is to be left out this time.
func (l *luck) skipped() bool {
	skip := l.skip.Load()
	if skip > 0 {
		release(&l.skip, skip-1)
	}
	return skip > 0
}

func (l *luck) hadNone(most uint32) {
	next := l.next.Load()
	release(&l.skip, next)
	release(&l.next, min(2*next+1, most))
}

// linger looks until there is enough of what there is so much now.
func (l *luck) linger(now, enough uint32, look func() uint32) {
	if now >= enough || l.skipped() {
		return
	}
	for i := range 8 {
		pause(1000)
		found := look()
		if found <= now {
			if i == 0 {
				l.hadNone(mostSkipped)
			}
			return
		}
		release(&l.next, 0)
		if now = found; now >= enough {
			return
		}
	}
}

// spin looks until it is ready, for a moment.
func (l *luck) spin(ready func() bool) bool {
	if l.skipped() {
		return false
	}
	for begin := time.Now(); time.Since(begin) < longestSpin; {
		for range 8 {
			if ready() {
				release(&l.next, 0)
				return true
			}
			pause(50)
		}
	}
	l.hadNone(mostUnspun)
	return false
}

// pause is between two looks, each of which costs those who write there more than it
// costs him: so many cycles.
func pause(cycles int) {
	for range cycles {
	}
}

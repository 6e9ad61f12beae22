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

// longestSpin is less than it takes to be put to sleep and to be woken.
const longestSpin = 10 * time.Microsecond

// A patience is how long to look, of one kind of looking: between looks so many cycles, and
// after it was in vain so many times not at all, at most.
type patience struct {
	cycles  int
	mostOut uint32
}

// What these are was measured. A Feed's producers and consumers meet more often, as each
// record is everybody's.
var (
	spins     = patience{50, 15}
	lingers   = patience{1000, 255}
	feedRoom  = patience{1000, 63}
	feedSpins = patience{100, 63}
	gathers   = patience{1000, 63}
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

func (l *luck) hadSome() { release(&l.next, 0) }

func (l *luck) hadNone(p patience) {
	next := l.next.Load()
	release(&l.skip, next)
	release(&l.next, min(2*next+1, p.mostOut))
}

// linger looks, a few times, until there is enough of what there is so much now.
func (l *luck) linger(p patience, now, enough uint32, look func() uint32) {
	if now >= enough || l.skipped() {
		return
	}
	for i := range 8 {
		pause(p.cycles)
		found := look()
		if found <= now {
			if i == 0 {
				l.hadNone(p)
			}
			return
		}
		l.hadSome()
		if now = found; now >= enough {
			return
		}
	}
}

// spin looks until it is ready, for a moment.
func (l *luck) spin(p patience, ready func() bool) bool {
	if l.skipped() {
		return ready()
	}
	for begin := time.Now(); time.Since(begin) < longestSpin; {
		for cycles := 0; cycles < clocked; cycles += p.cycles {
			if ready() {
				l.hadSome()
				return true
			}
			pause(p.cycles)
		}
	}
	l.hadNone(p)
	return false
}

// clocked is how many cycles pass, or one look, between two at the clock.
const clocked = 400

// pause is between two looks, each of which costs those who write there more than it
// costs him: so many cycles.
func pause(cycles int) {
	for range cycles {
	}
}

package children

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Slot is what one process tells the others, in memory that they share. It fills a
// cache line, and is of fixed size, so that 32-bit and 64-bit programs agree; what one
// process reads while another writes it has 32 bits.
type Slot struct {
	Began  int64 // when it began to work and ended, in nanoseconds since 1970; set before
	Ended  int64 // State says so
	State  atomic.Uint32
	PID    atomic.Uint32
	Target atomic.Uint32 // how many it is to do; 0 for one that takes what comes
	Own    atomic.Uint32 // how many it has done
	Step   atomic.Uint32 // where it is in its next one
	_      [28]byte
}

// States of a slot.
const (
	Free    = iota
	Present // attached, perhaps at work
	Done    // has done its work
	Left    // a joiner that was interrupted between two of them
	Stopped // waits at its Step to be killed
	Dead    // ended some other way
	Useless // was dismissed
)

// Outside is the step between two of them.
const Outside = 0

// StopPoint is where a child stops in order to be killed: at a step of its number at. A
// step of Outside is nowhere.
type StopPoint struct{ Step, At uint32 }

// Seconds is how long a slot's process was at work, where its state says that it told.
func (s *Slot) Seconds(state uint32) float64 {
	if state != Done {
		return 0
	}
	return time.Duration(s.Ended - s.Began).Seconds()
}

// Span is how long it took from when the first of those began who have done their work
// until the last had, in seconds; 0 if none told. That a process starts and ends, and that
// it is noticed, takes longer than many a run.
func Span(slots []Slot) float64 {
	var began, ended int64
	for i := range slots {
		s := &slots[i]
		if s.State.Load() != Done {
			continue
		}
		if began == 0 || s.Began < began {
			began = s.Began
		}
		ended = max(ended, s.Ended)
	}
	return time.Duration(ended - began).Seconds()
}

// Rate is how many a second that is; 0 if it took no time.
func Rate(n uint64, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return float64(n) / seconds
}

// NameOf is the name of a number that others wrote, which may be any.
func NameOf(names []string, n uint32) string {
	if uint64(n) < uint64(len(names)) {
		return names[n]
	}
	return fmt.Sprintf("unknown (%d)", n)
}

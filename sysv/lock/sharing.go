package lock

import (
	"errors"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
)

// errTooMany says that so many of a process read that there is no room for another.
var errTooMany = errors.New("8,388,607 of this process read already")

// A sharing takes a RWMutex for reading. Where try is set it does not wait.
type sharing struct {
	at  place
	me  uint32 // the word of the writers while this process has their mutex
	try bool

	n     uint32     // how many of this process read, itself among them
	seen  uint32     // the word as it was last
	since event.Seen // what it was when this one said that it waits
	said  bool       // that, and since then the word was the same
	slept bool       // since it said that it has waited long, if it has
	long  bool       // it has said so
	then  place      // what to do next, once those who wait have been told
	take  locking    // the mutex from a dead writer
	back  unlocking

	// How it went:
	took      bool
	abandoned bool
	err       error
}

func (s *sharing) step(m rwmutex) {
	switch s.at {
	case visiting: // which RLock has inline, and the next two
		s.n = m.count(+1)
		s.said, s.at = false, facing
	case facing: // after that: who takes the word then waits for this reader
		s.seen = m.load()
		s.at = heeding
	case heeding:
		s.heed(m.marked())
	case withdrawing:
		s.at = s.then
		if m.count(-1)&inside == 0 {
			s.at = calling
		}
		at(readerOut)
	case calling:
		m.tell(readersGone)
		s.at = s.then

	case looking:
		word := m.load()
		s.said = s.said && word == s.seen
		s.seen = word
		switch {
		case word&^waiters == removed:
			s.fail(sysv.ErrRemoved, done)
		case free(word):
			s.at = visiting
		default:
			s.at = peeking
		}
	case peeking:
		switch {
		case m.marked()&openMark != 0:
			s.at = visiting
		case s.said:
			s.at = sleeping
		default:
			s.at = asking
		}
	case asking:
		lives, err := alive(m, s.seen)
		switch {
		case err != nil:
			s.fail(err, done)
		case lives:
			s.at = comparing
		default:
			s.inherit()
		}
	case comparing:
		switch {
		case !same(m, s.seen):
			s.inherit()
		case s.try:
			s.at = done
		default:
			s.at = announcing
		}
	case announcing: // before it looks once more
		s.since = m.announce(writerGone)
		s.said, s.at = true, looking
	case sleeping:
		s.slept, s.said, s.at = true, false, looking
		if err := m.await(writerGone, s.since); err != nil {
			s.fail(err, done)
		}
	case admitting:
		m.admit(+1)
		s.slept, s.long, s.at = false, true, announcing
		at(longReadSaid)
	case thanking:
		m.admit(-1)
		s.at, s.then = calling, done

	case inheriting:
		if s.take.step(m); s.take.at != done {
			return
		}
		switch {
		case s.take.err != nil: // it may have had the mutex for a moment
			s.err, s.at = s.take.err, telling
		case s.take.took:
			s.abandoned, s.at = s.take.abandoned, staying
			s.back = unlocking{at: freeing, me: s.me}
		default: // somebody else was faster
			s.unlessTrying(looking)
		}
	case staying:
		s.n = m.count(+1)
		s.at = returning
		at(readerTookOver)
	case returning:
		if s.back.step(m); s.back.at == done {
			s.at = telling
		}
	case telling:
		m.tell(writerGone)
		if s.err != nil {
			s.fail(s.err, done)
			return
		}
		s.has()
	}
}

// free tells whether no writer has the word: it may be kept for one.
func free(word uint32) bool { return word&^waiters == 0 }

// heed is what the word and then the marks mean for who is counted in.
func (s *sharing) heed(marks uint32) {
	switch {
	case s.n&tooMany != 0:
		s.fail(errTooMany, withdrawing)
	case s.seen&^waiters == removed || marks&removedMark != 0:
		s.fail(sysv.ErrRemoved, withdrawing)
	case free(s.seen) || marks&openMark != 0:
		s.abandoned = marks&abandonedMark != 0
		s.has()
	default:
		s.at, s.then = withdrawing, looking
	}
}

// has is what follows when the process reads.
func (s *sharing) has() {
	s.took, s.at = true, done
	if s.long {
		s.at = thanking
	}
	at(readerIn)
}

// inherit takes the mutex over from the dead writer who has it, for which there is no
// need to wait.
func (s *sharing) inherit() {
	s.take = locking{at: succeeding, me: s.me, try: true, seen: s.seen}
	s.at = inheriting
}

func (s *sharing) unlessTrying(next place) {
	s.at = next
	if s.try {
		s.at = done
	}
}

// fail ends in vain, by way of a place where that is not done.
func (s *sharing) fail(err error, by place) {
	s.err, s.at, s.then = err, by, done
	if s.long {
		s.then = thanking
		if by == done {
			s.at = thanking
		}
	}
}

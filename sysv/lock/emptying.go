package lock

import "example.com/sysvipc/sysv/event"

// An emptying waits, after a locking has taken the mutex of the writers, until nobody
// reads: from slot to slot, for who came to read after that has not come in. Where
// somebody has waited long to read it lets readers in before, once. Where try is set it
// does not wait.
type emptying struct {
	at  place
	try bool

	slots int
	slot  int
	seen  uint32     // who reads there
	since event.Seen // what it was when this one said that it waits
	said  bool       // that

	letting bool // in those who have waited long
	let     bool

	in  bool
	err error
}

func (e *emptying) step(m rwmutex) {
	switch e.at {
	case measuring:
		e.slots, e.slot = m.used(), 0
		e.at = viewing
		e.pastLast()
	case viewing:
		e.seen = m.crowd(e.slot)
		switch {
		case e.wanted() || e.awaited() && !e.said:
			e.at = asking
		case e.awaited():
			e.at = sleeping
		default:
			e.next()
		}
	case asking:
		n, err := m.value(semaphore(e.slot))
		switch {
		case err != nil:
			e.fail(err)
		case n == 0: // of who died
			e.next()
		case e.wanted():
			e.at = opening
		case e.try:
			e.at = done
		default:
			e.at = announcing
		}
	case announcing: // before it looks once more
		e.since = m.announce(readersGone)
		e.said, e.at = true, viewing
	case sleeping:
		e.said, e.at = false, viewing
		if err := m.await(readersGone, e.since); err != nil {
			e.fail(err)
		}

	case opening:
		m.mark(openMark)
		e.letting, e.said, e.at = true, false, telling
		at(openedToReaders)
	case telling:
		m.tell(writerGone)
		e.at = measuring
	case forgetting: // it does not come
		m.forget(e.slot, e.seen)
		e.said, e.at = false, viewing
	case barring:
		m.unmark(openMark)
		e.letting, e.let, e.said, e.at = false, true, false, measuring
		if e.err != nil {
			e.at = done
		}
		at(barredToReaders)

	case occupying:
		m.mark(inMark)
		e.in, e.at = true, done
		at(writerIn)
	}
}

// wanted tells whether somebody in the slot has waited long and is to be let in.
func (e *emptying) wanted() bool { return !e.letting && !e.let && !e.try && e.seen >= oneLong }

// awaited tells whether there is somebody in the slot to wait for.
func (e *emptying) awaited() bool {
	if e.letting {
		return e.seen >= oneLong
	}
	return e.seen&inside != 0
}

func (e *emptying) next() {
	e.slot++
	e.at = viewing
	e.pastLast()
}

func (e *emptying) pastLast() {
	if e.slot < e.slots {
		return
	}
	e.at = occupying
	if e.letting {
		e.at = barring
	}
}

func (e *emptying) fail(err error) {
	e.err, e.at = err, done
	if e.letting {
		e.at = barring
	}
}

// A vacating gives a RWMutex back as its writer.
type vacating struct {
	at   place
	back unlocking
	err  error
}

func (v *vacating) step(m rwmutex) {
	switch v.at {
	case staying: // as a reader
		m.count(+1)
		v.at = emerging
	case emerging: // from here on a death abandons nothing
		m.unmark(inMark)
		v.at = returning
		at(writerOut)
	case returning:
		if v.back.step(m); v.back.at == done {
			v.err, v.at = v.back.err, telling
		}
	case telling:
		m.tell(writerGone)
		v.at = done
		at(readersTold)
	}
}

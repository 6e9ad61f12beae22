package lock

import (
	"errors"
	"fmt"

	"example.com/sysvipc/sysv"
)

// A locking takes a mutex. Where try is set it does not wait.
type locking struct {
	at  place
	me  uint32 // the word while the process has the mutex
	try bool

	seen  uint32 // the word as it was last
	slept bool   // for a token, or until it was time to look
	woken bool   // it took a token
	back  unlocking

	// How it went:
	took      bool
	abandoned bool
	err       error
}

func (l *locking) step(m mutex) {
	switch l.at {
	case trying: // which Lock has inline
		l.at = looking
		if m.swap(0, l.me) {
			l.has(locked)
		}
	case looking:
		l.seen = m.load()
		l.at = l.judge()
		if l.seen&^waiters == removed {
			l.fail(sysv.ErrRemoved)
		}
	case entering: // others may wait still: it is not known whether
		if !m.swap(0, l.me|waiters) {
			l.again()
			return
		}
		l.has(lockedAfterWait)
	case claiming:
		if !m.swap(kept, l.me|waiters) {
			l.again()
			return
		}
		l.has(lockedAfterWait)
		l.at = ending
	case ending: // the next to be kept is for who says again that he has waited long
		m.unmark(longWaitMark)
		l.at = reading
		at(longWaitEnded)
	case marking:
		if !m.swap(l.seen, l.seen|waiters) {
			l.again()
			return
		}
		l.seen |= waiters
		l.at = asking
		at(waitersMarked)
	case asking:
		lives, err := alive(m, l.seen)
		switch {
		case err != nil:
			l.fail(err)
		case lives:
			l.at = comparing
		default:
			l.at = succeeding
		}
	case comparing:
		if l.at = succeeding; same(m, l.seen) {
			l.unlessTrying(sleeping)
		}
	case succeeding:
		if !m.swap(l.seen, l.me|waiters) {
			l.again()
			return
		}
		l.has(takenOver)
		l.at = dirtying
	case dirtying:
		m.abandon()
		l.at = recording
		at(dirtied)
	case recording:
		m.countRecovery()
		l.at = reading
		at(recoveryCounted)
	case saying:
		m.mark(longWaitMark)
		l.at = sleeping
		at(longWaitMarked)
	case sleeping:
		woken, err := m.wait(takeToken)
		if err != nil {
			l.err, l.at = err, done
			return
		}
		l.slept = true
		l.again()
		if woken {
			l.woken = true
			at(wokenUp)
		}
	case handing: // it may have been a death's
		if _, err := m.try(addToken); err != nil {
			l.err = errors.Join(l.err, err)
		}
		l.at = done
		at(posted)
	case reading:
		marks := m.marked()
		l.abandoned = marks&abandonedMark != 0
		l.at = done
		if marks&removedMark != 0 {
			l.at, l.back = returning, unlocking{at: looking, me: l.me}
		}
	case returning:
		if l.back.step(m); l.back.at == done {
			*l = locking{at: done, err: sysv.ErrRemoved}
		}
	}
}

// judge is what to do about the word.
func (l *locking) judge() place {
	switch s := l.seen; {
	case s == 0 && l.try:
		return done // free again: who had it was just here
	case s == 0:
		return entering
	case s == kept && (l.slept || l.try):
		return claiming
	case s == kept:
		return sleeping
	case s&waiters == 0 && !l.try:
		return marking
	}
	return asking
}

// has is what follows when the word has become the process's.
func (l *locking) has(how step) {
	l.took, l.at = true, reading
	at(how)
}

// again looks anew, where that is not waiting.
func (l *locking) again() { l.unlessTrying(looking) }

func (l *locking) unlessTrying(next place) {
	l.at = next
	if l.try {
		l.at = done
	}
}

// fail ends in vain. Whoever took a token leaves one to others.
func (l *locking) fail(err error) {
	l.err, l.at = err, done
	if l.woken {
		l.at = handing
	}
}

// alive tells whether the slot that a word names is. It comes before same: a process
// that takes the slot in between has raised the generation before.
func alive(m mutex, word uint32) (bool, error) {
	slot := slotOf(word)
	if slot < 0 || slot >= m.slots() {
		return false, fmt.Errorf("its word %#x names slot %d of %d: somebody wrote over it", word, slot, m.slots())
	}
	n, err := m.value(semaphore(slot))
	if err == nil {
		at(ownerSeen)
	}
	return n != 0, err
}

// same tells whether the process that a word names has its slot still.
func same(m mutex, word uint32) bool {
	return m.generation(slotOf(word)) == generationOf(word)
}

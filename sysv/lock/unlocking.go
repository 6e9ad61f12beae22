package lock

// An unlocking gives a mutex back.
type unlocking struct {
	at   place
	me   uint32 // the word while the process has the mutex
	seen uint32 // the word as it was last
	next uint32 // what it is to be
	err  error
}

func (u *unlocking) step(m mutex) {
	switch u.at {
	case freeing: // which Unlock has inline
		u.at = looking
		if m.swap(u.me, 0) {
			u.at = done
			at(unlocked)
		}
	case looking:
		u.seen = m.load()
		u.at = judging
		if u.seen&^waiters != u.me {
			u.err, u.at = ErrNotLocked, done
		}
	case judging:
		u.next = freed(u.seen, m.marked())
		u.at = giving
	case giving:
		switch {
		case !m.swap(u.seen, u.next):
			u.at = looking
			return
		case u.seen&waiters != 0:
			u.at = waking
		default:
			u.at = done
		}
		at(unlocked)
	case waking: // where a token lies there already, one will be woken
		_, u.err = m.try(addToken)
		u.at = done
		at(posted)
	}
}

// freed is what the word becomes when its owner gives the mutex back: in a group that
// is removed nothing that anybody could take.
func freed(word, marks uint32) uint32 {
	switch {
	case marks&removedMark != 0:
		return removed
	case marks&longWaitMark != 0:
		return word & waiters // kept
	}
	return 0
}

package lock

import (
	"errors"
	"syscall"
)

// An arming comes before a process takes or awaits a mutex for the first time: from
// then on its end adds a token to those that wake waiters. So an owner's death wakes
// one, and a waiter that dies with a token passes it on.
type arming struct {
	at   place
	seen int // tokens
	err  error
}

func (a *arming) step(s set) {
	switch a.at {
	case counting: // each death may add one; as they all say the same, one is enough
		if a.seen, a.err = s.value(tokens); a.err != nil {
			a.at = done
			return
		}
		a.at = promising
		if a.seen >= 2 {
			a.at = draining
		}
	case draining:
		if _, a.err = s.try(leaveOne(a.seen)); a.err != nil {
			a.at = done
			return
		}
		a.at = promising
		at(drained)
	case promising:
		_, a.err = s.try(promise)
		a.at = done
		if a.seen >= 2 && errors.Is(a.err, syscall.ERANGE) {
			a.err, a.at = nil, counting // deaths have added more
		}
	}
}

package ring

import (
	"sync"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv/lock"
)

// A vigil is a membership whose calls need not ask the kernel for anything, and so must
// look from time to time whether there is something to belong to. That costs them one
// load: a timer that runs while there are calls says when it is time.
type vigil struct {
	group *lock.Group

	fresh atomic.Bool // a look was not long ago

	waiting atomic.Int32 // calls that may sleep, with which it can't be closed

	closing sync.Mutex // of Close, and of what must not run beside it
	closed  bool
	timer   *time.Timer
}

// there returns nil if the group was there lately.
func (v *vigil) there() error {
	if v.fresh.Load() || v.group == nil { // which tests have not
		return nil
	}
	return v.check()
}

func (v *vigil) check() error {
	v.closing.Lock()
	defer v.closing.Unlock()
	if err := v.group.Check(); err != nil {
		return err
	}
	v.fresh.Store(true)
	if v.timer == nil {
		v.timer = time.AfterFunc(lookAround, func() { v.fresh.Store(false) })
	} else {
		v.timer.Reset(lookAround)
	}
	return nil
}

// stale has the next call look. closing is held.
func (v *vigil) stale() {
	if v.timer != nil {
		v.timer.Stop()
	}
	v.fresh.Store(false)
}

package lock

import (
	"errors"
	"os"
	"time"

	"example.com/sysvipc/sysv"
)

// Remove, and whoever makes a group anew where something of the old one is left,
// tell the members. After ipcrm(1) of both the segment and the set nobody can, and
// those who take free mutexes make no call that would fail. So each member looks
// for himself, every lookAround while there are calls.
//
// Lock and Unlock do nothing for it. From time to time each mutex is made to look
// as if this process had never used it: the next Lock comes by arm, which looks,
// and lets all go on at full speed for a while. With no calls there is no timer.

// lookAround is how long mutexes are used without a look at the segment and the
// set.
const lookAround = 50 * time.Millisecond

// A watch is what a Group knows of its calls; with the group's mu held.
type watch struct {
	looked  bool        // lately
	quick   []*Mutex    // which need not come by arm
	timeout *time.Timer // ends that
}

// letUse lets calls use a mutex without more ado, until lookAround is over.
func (g *Group) letUse(m *Mutex) {
	if !g.watch.looked {
		g.look()
		g.watch.looked = true
		if g.watch.timeout == nil {
			g.watch.timeout = time.AfterFunc(lookAround, func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.haveLook()
			})
		} else {
			g.watch.timeout.Reset(lookAround)
		}
	}
	g.watch.quick = append(g.watch.quick, m)
	m.me.Store(g.me)
}

// haveLook has the next call of each mutex come by arm. It touches nothing that
// Close takes away.
func (g *Group) haveLook() {
	for _, m := range g.watch.quick {
		m.me.Store(nobody)
	}
	g.watch.quick = g.watch.quick[:0]
	g.watch.looked = false
}

// Check asks the kernel whether the group's segment and set are there, by two system
// calls, and if not tells all members and returns [sysv.ErrRemoved]. After Close it is
// [os.ErrClosed]. Lock and TryLock do this for themselves from time to time: it is for
// who waits for something else in the group's memory.
func (g *Group) Check() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return g.error(os.ErrClosed)
	}
	if g.look() {
		return g.error(sysv.ErrRemoved)
	}
	return nil
}

// look tells all members if the group is removed. Where it can't be known, for
// lack of read permission, it tells nobody.
func (g *Group) look() (removed bool) {
	seg, err := g.seg.Stat()
	seg.Dest = seg.Dest && g.ends != unseen
	if err != nil || seg.Size != int64(g.mapping.Len()) || !seg.Dest && seg.Key != g.Key() {
		// What is attached keeps its id: this thread is in another IPC namespace.
		return false
	}
	_, err = g.set.Stat()
	if !seg.Dest && !errors.Is(err, sysv.ErrRemoved) {
		return false
	}
	g.poison()
	return true
}

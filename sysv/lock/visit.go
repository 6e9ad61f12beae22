package lock

import (
	"context"
	"sync/atomic"
	"time"

	"example.com/sysvipc/sysv/event"
)

// A visit is a call of a RWMutex, as what the protocol works on. Many readers of a
// process may wait at once: they sleep as package event has it.
type visit struct {
	*Mutex // of the writers
	rw     *RWMutex
	ctx    context.Context
}

func (m *RWMutex) visit(ctx context.Context) *visit { return &visit{m.writer, m, ctx} }

// share takes the lock for reading.
func (v *visit) share(s *sharing) {
	begin, spun := time.Now(), false
	for s.at != done {
		switch {
		case s.at == asking && !spun:
			spun = true
			if spinUntil(func() bool { return free(v.word.Load()) }) {
				s.at = looking
			}
		case s.at == announcing && s.slept && time.Since(begin) > longWait && v.rw.readers.Load() < oneLong:
			s.at = admitting // each time anew: a writer may have forgotten it
		}
		s.step(v)
	}
}

// empty waits until nobody reads.
func (v *visit) empty(e *emptying) {
	var opened time.Time
	for spunFor := -1; e.at != done; e.step(v) {
		switch {
		case e.at == asking && spunFor != e.slot:
			spunFor = e.slot
			word := &v.group.crowd(v.sharedIndex(), e.slot).word
			if spinUntil(func() bool { return word.Load() == 0 }) {
				e.at = viewing
			}
		case e.at == opening:
			opened = time.Now()
		case e.at == sleeping && e.letting && time.Since(opened) >= lookAgain:
			e.at = forgetting
		}
	}
}

func (v *visit) vacate(u *vacating) {
	for u.at != done {
		u.step(v)
	}
}

func (v *visit) sharedIndex() int { return v.index - v.group.Len() }

func (v *visit) used() int              { return v.group.usedSlots() }
func (v *visit) crowd(slot int) uint32  { return v.group.crowd(v.sharedIndex(), slot).word.Load() }
func (v *visit) count(delta int) uint32 { return v.rw.readers.Add(uint32(delta)) }

func (v *visit) admit(delta int) {
	for {
		n := v.rw.readers.Load()
		if v.rw.readers.CompareAndSwap(n, admitted(n, delta)) {
			return
		}
	}
}

// admitted is what a crowd is when one more of it has waited long, or one fewer: as
// many as there is room for, and none whom a writer has forgotten.
func admitted(crowd uint32, delta int) uint32 {
	long := int(crowd/oneLong) + delta
	return crowd&inside | uint32(min(max(long, 0), 1<<(32-insideBits)-1))*oneLong
}

func (v *visit) forget(slot int, seen uint32) {
	v.group.crowd(v.sharedIndex(), slot).word.CompareAndSwap(seen, seen&inside)
}

func (c *cell) announce(n news) event.Seen { return c.gone[n].Announce() }
func (c *cell) tell(n news)                { c.gone[n].AdvanceIfAwaited() }

func (v *visit) await(n news, since event.Seen) error { return v.gone[n].Await(v.ctx, since) }

// The rest is of a group's memory.

func (g *Group) crowd(i, slot int) *crowd { return &g.crowds[i*len(g.generations)+slot] }

// usedSlots never says more than there are, whatever somebody wrote there.
func (g *Group) usedSlots() int {
	return int(min(atomic.LoadUint32(&g.used), uint32(len(g.generations))))
}

// sit has RWMutexes count the readers of this process in its slot.
func (g *Group) sit() {
	for i := range g.shared {
		g.shared[i].readers = &g.crowd(i, g.slot).word
	}
}

// orphaned is what the marks of a RWMutex become when its owner has died: nothing was
// abandoned unless he was in.
func orphaned(marks uint32) uint32 {
	if marks&inMark != 0 {
		marks |= abandonedMark
	}
	return marks &^ (inMark | openMark)
}

func (m *Mutex) abandon() {
	if !m.shared {
		m.cell.abandon()
		return
	}
	for {
		marks := m.marks.Load()
		if m.marks.CompareAndSwap(marks, orphaned(marks)) {
			return
		}
	}
}

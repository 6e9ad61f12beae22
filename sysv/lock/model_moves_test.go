package lock

import (
	"errors"

	"example.com/sysvipc/sysv"
)

// model is a scenario's rules: what can come after what. The zero values of the
// rest are the protocol's; mutants have others.
type model struct {
	scenario
	faults
	only property // the one that matters, "" for all

	moves []move
}

// move is something that can happen in a world.
type move struct {
	who int
	deed
	must   bool     // it needs nobody to call, start or end, and no context to
	broken property // by this move
	next   world
}

// A deed is a step of a machine, or else something that has a name.
type deed struct {
	name     string
	does     activity
	at, next place
	call     call
	early    bool // it takes the mutex before those who have waited long
}

// start is the world in the beginning.
func (m *model) start() world {
	if m.highest == 0 {
		m.highest = 9 // no scenario has as many ends and tokens
	}
	w := world{shared: shared{ends: m.ends, starts: m.starts, leaves: m.leaves, stops: m.stops,
		looks: m.looks, removals: m.removals, wraps: m.wraps}}
	w.values[index(door)] = 1
	for i := range m.processes {
		p := &w.process[i]
		p.does, p.rounds = outside, m.rounds
		if m.joining {
			w.generations[i] = genMask // the next is 0
			continue
		}
		slot := int(i)
		p.does, p.me, p.joined = idles, ownerWord(slot, 1), true
		w.generations[i] = 1
		a := m.access(&w, slot, usual)
		a.try(live(slot))
		if m.arming == onCall {
			p.armed = true
			a.try(promise)
		}
	}
	return w
}

// all returns the moves that are possible in w. The next call overwrites them.
func (m *model) all(w world) []move {
	m.moves = m.moves[:0]
	for i := range int(m.processes) {
		if w.process[i].stopped {
			m.resume(w, i)
		} else {
			m.act(w, i)
			m.stop(w, i)
		}
		m.end(w, i)
	}
	m.comeRound(w)
	return m.moves
}

// maybe is a move that need not come, so that nobody may depend on it.
func (m *model) maybe(name string, w world, i int) {
	m.moves = append(m.moves, move{who: i, deed: deed{name: name}, next: w})
}

func (m *model) must(name string, w world, i int) {
	m.moves = append(m.moves, move{who: i, deed: deed{name: name}, must: true, next: w})
}

// stop is SIGSTOP in the middle of a call, or while the process has the mutex.
func (m *model) stop(w world, i int) {
	p := &w.process[i]
	if w.stops > 0 && p.inCall() {
		w.stops--
		p.stopped = true
		m.maybe("SIGSTOP", w, i)
	}
}

func (m *model) resume(w world, i int) {
	w.process[i].stopped = false
	m.maybe("SIGCONT", w, i)
}

// end is kill -9, or an end of the process's own accord.
func (m *model) end(w world, i int) {
	p := &w.process[i]
	untouched := process{does: outside, rounds: p.rounds}
	if w.ends == 0 || p.does == nothing || p.does == halfEnded || *p == untouched {
		return
	}
	w.ends--
	w.abandoned = w.abandoned || p.owns()
	if m.undoneApart {
		m.undo(&w, p, tokens)
		*p = process{does: halfEnded, undo: p.undo}
		m.maybe("kill -9, tokens undone", w, i)
		return
	}
	m.undoAll(&w, p)
	*p = process{}
	m.maybe("kill -9", w, i)
}

// comeRound has so many processes come and go in a slot that its generation is one
// less in the end.
func (m *model) comeRound(w world) {
	if w.wraps == 0 || w.values[index(door)] != 1 {
		return
	}
	w.wraps--
	for slot := range m.processes {
		if w.values[index(semaphore(slot))] == 0 {
			c := w
			c.generations[slot] = (c.generations[slot] - 1) & genMask
			m.maybe("the generation comes round", c, int(slot))
		}
	}
}

// act is what process i does next, in each way in which it can go.
func (m *model) act(w world, i int) {
	p := &w.process[i]
	switch p.does {
	case nothing:
		if w.starts > 0 {
			w.starts--
			p.does, p.rounds = outside, m.rounds
			m.maybe("starts", w, i)
		}
	case halfEnded:
		m.undoAll(&w, p)
		*p = process{}
		m.must("all undone", w, i)
	case outside:
		m.remove(w, i)
		if p.rounds > 0 {
			p.does, p.entry.at = enters, m.after(enters, beginning, knocking)
			m.maybe("Join()", w, i)
		}
	case idles:
		m.idle(w, i)
	case holds:
		if w.marks&abandonedMark != 0 {
			c := w
			c.marks &^= abandonedMark
			c.abandoned = false
			m.maybe("Repaired()", c, i)
		}
		if m.leavesWhileHeld {
			m.leave(w, i)
		}
		p.does, p.unlocking = unlocks, unlocking{at: m.after(unlocks, beginning, freeing), me: p.me}
		m.must("Unlock()", w, i)
		if m.after(unlocks, beginning, freeing) == freeing {
			p.unlocking.at = looking
			m.maybe("Unlock(), and Lock is to look round again", w, i)
		}
	default:
		m.proceed(w, i)
	}
}

func (m *model) idle(w world, i int) {
	p := &w.process[i]
	m.remove(w, i)
	m.leave(w, i)
	if p.rounds == 0 {
		return
	}
	if w.removals > 0 {
		c := w
		c.removals--
		c.process[i].does, c.process[i].poisoning.at = watches, m.after(watches, beginning, condemning)
		m.maybe("Lock(), and the segment is gone", c, i)
	}
	if m.try {
		c := w
		c.process[i].locking.try = true
		m.lock(&c.process[i])
		m.maybe("TryLock()", c, i)
	}
	m.lock(p)
	m.maybe("Lock()", w, i)
}

// lock begins a locking, after an arming where that is needed.
func (m *model) lock(p *process) {
	if !p.armed && m.arming == onCall {
		p.does, p.arming.at = arms, counting
		return
	}
	p.does, p.locking.at, p.locking.me = locks, m.after(locks, beginning, trying), p.me
}

func (m *model) leave(w world, i int) {
	if w.leaves > 0 {
		w.leaves--
		m.beginLeaving(&w.process[i])
		m.maybe("Leave()", w, i)
	}
}

func (m *model) beginLeaving(p *process) {
	p.does, p.leaving = leaves, leaving{at: quitting, slot: slotOf(p.me)}
}

func (m *model) remove(w world, i int) {
	if w.removals > 0 {
		w.removals--
		p := &w.process[i]
		p.does, p.poisoning.at = removes, m.after(removes, beginning, condemning)
		m.maybe("Remove()", w, i)
	}
}

// proceed is the next access of process i.
func (m *model) proceed(w world, i int) {
	m.step(w, i, usual, true)
	p := &w.process[i]
	waits := p.atDoor() || p.does == locks && p.locking.at == sleeping
	if w.setRemoved {
		return
	}
	if m.cancel && waits {
		m.step(w, i, cancelled, false)
	}
	if m.refuse && p.does == locks && p.locking.at == asking {
		m.step(w, i, refused, false)
	}
	if p.does == locks && p.locking.at == sleeping {
		m.lookAgain(w, i)
		if m.keeps && w.marks&longWaitMark == 0 {
			p.locking.at = saying
			m.maybe("it has been long", w, i)
		}
	}
}

// lookAgain is a waiter that looks without a token. It does so after some time,
// always: but what depends on it takes that time, so that it is a step that must
// come only while somebody is stopped. A look that changes nothing is no move.
func (m *model) lookAgain(w world, i int) {
	anyStopped := false
	for j := range w.process {
		anyStopped = anyStopped || w.process[j].stopped
	}
	switch {
	case anyStopped && w.somethingToSee() && !m.noEndOfWaits:
		m.step(w, i, looksAgain, true)
	case w.looks > 0:
		w.looks--
		m.step(w, i, looksAgain, false)
	}
}

// somethingToSee tells whether a waiter who looked now would do other than wait on.
func (w *world) somethingToSee() bool {
	switch word := w.word; {
	case word&^waiters == 0, word&^waiters == removed, word&waiters == 0:
		return true
	default:
		slot := slotOf(word)
		return w.values[index(semaphore(slot))] == 0 || w.generations[slot] != generationOf(word)
	}
}

// access lets process i work on w, with the model's faults.
func (m *model) access(w *world, i int, c call) *faulty {
	return &faulty{access{world: w, model: m, who: i, call: c}}
}

// step is one step of the machine of process i.
func (m *model) step(w world, i int, c call, must bool) {
	p, a := &w.process[i], m.access(&w, i, c)
	next := p.machine()
	at, does, marks := *next, p.does, w.marks
	switch a.at = at; does {
	case enters:
		p.entry.step(a)
	case arms:
		p.arming.step(a)
	case locks:
		p.locking.step(a)
	case unlocks:
		p.unlocking.step(a)
	case leaves:
		p.leaving.step(a)
	case removes, watches:
		if at == done {
			w.setRemoved = true
		} else {
			p.poisoning.step(a)
		}
	}
	if a.blocked {
		return
	}
	*next = m.after(does, at, *next)
	mv := move{who: i, must: must, deed: deed{does: does, at: at, next: *next, call: c}}
	if l := &p.locking; does == locks && l.took && (at == trying || at == entering) {
		mv.early = !l.slept && !l.try && marks&longWaitMark != 0
	}
	mv.broken = m.follow(&w, i, at)
	mv.next = w
	m.moves = append(m.moves, mv)
}

// machine is where the machine is that the process runs.
func (p *process) machine() *place {
	switch p.does {
	case enters:
		return &p.entry.at
	case arms:
		return &p.arming.at
	case locks:
		return &p.locking.at
	case unlocks:
		return &p.unlocking.at
	case leaves:
		return &p.leaving.at
	}
	return &p.poisoning.at
}

// follow is what comes of a step that process i has made at a place.
func (m *model) follow(w *world, i int, at place) (broken property) {
	switch p := &w.process[i]; p.does {
	case enters:
		return m.hasJoined(p, at)
	case arms:
		m.hasArmed(p)
	case locks:
		return m.hasLocked(w, p, at)
	case unlocks:
		return m.hasUnlocked(p, at)
	case leaves:
		m.hasLeft(p, at)
	case removes, watches:
		m.hasTold(w, p, at)
	}
	return ""
}

func (m *model) hasJoined(p *process, at place) (broken property) {
	e := &p.entry
	if at == living && e.at != picking && e.err == nil {
		p.joined, p.me = true, e.me()
	}
	if e.at != done {
		return ""
	}
	p.does = idles
	if e.err != nil {
		p.does, p.rounds = outside, 0 // it does not try again
	}
	if e.err == errFull {
		broken = slotForEach
	}
	p.entry = entry{}
	return broken
}

func (m *model) hasArmed(p *process) {
	if p.arming.at != done {
		return
	}
	failed := p.arming.err != nil
	p.arming = arming{}
	if failed {
		m.returns(p)
		return
	}
	p.armed = true
	if p.does = locks; p.locking.at == beginning {
		m.lock(p)
	}
}

func (m *model) hasLocked(w *world, p *process, at place) (broken property) {
	l := &p.locking
	broken = w.overtaken(l, at)
	switch l.at {
	case looking, sleeping, ending, dirtying, recording, reading:
		l.seen = 0 // it will be read again first, if at all
	}
	if !p.armed && (m.arming == afterFirst && at == trying && l.took || m.arming == beforeWait && l.at == sleeping) {
		p.does, p.arming.at = arms, counting
		return broken
	}
	switch {
	case l.at != done:
		return broken
	case l.err != nil && l.err != errRefused && l.err != errCancelled && !errors.Is(l.err, sysv.ErrRemoved):
		return noOtherError
	case !l.took || l.err != nil:
		m.returns(p)
		return broken
	case w.told:
		broken = noneEntersRemoved
	case l.abandoned != w.abandoned:
		broken = abandonedIsExact
	}
	p.does, p.locking = holds, locking{}
	return broken
}

// overtaken tells whether somebody got the mutex though it is the turn of others. It
// becomes that when a waiter looks while a long wait is marked, unless somebody is
// giving the mutex away who had looked at the marks before.
func (w *world) overtaken(l *locking, at place) (broken property) {
	long := w.marks&longWaitMark != 0
	switch {
	case l.took && (at == trying || at == entering || at == claiming):
		if w.due && !l.slept && !l.try {
			broken = noneOvertakes
		}
		w.due = w.due && !l.slept
	case l.at == asking && !l.try && long && !w.givenAway():
		w.due = true
	}
	w.due = w.due && long
	return broken
}

func (w *world) givenAway() bool {
	for i := range w.process {
		if u := &w.process[i].unlocking; u.at == giving && u.next == 0 {
			return true
		}
	}
	return false
}

func (m *model) hasUnlocked(p *process, at place) (broken property) {
	u := &p.unlocking
	switch {
	case u.at == waking && at == giving && m.leavesBeforeWaking:
		m.beginLeaving(p)
	case u.at == done:
		if u.err == ErrNotLocked {
			broken = mutualExclusion
		}
		m.returns(p)
	}
	return broken
}

// returns ends a call.
func (m *model) returns(p *process) {
	p.does, p.locking, p.unlocking = idles, locking{}, unlocking{}
	if !p.joined {
		p.does = outside
	}
	p.rounds--
}

func (m *model) hasLeft(p *process, at place) {
	if at == quitting {
		p.joined = false
		if !p.armed {
			p.leaving.at = done
		}
	}
	if p.leaving.at != done {
		return
	}
	p.armed = p.armed && p.leaving.err != nil
	p.does, p.leaving = outside, leaving{}
	if p.unlocking.at == waking {
		p.does = unlocks
	}
}

func (m *model) hasTold(w *world, p *process, at place) {
	if p.poisoning.at != done {
		return
	}
	w.told = true
	switch {
	case p.does == watches:
		p.poisoning = poisoning{}
		m.lock(p)
	case at == done:
		p.does, p.poisoning = outside, poisoning{}
		if p.joined {
			p.does = idles
		}
	}
}

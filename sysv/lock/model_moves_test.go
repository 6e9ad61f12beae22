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
	if m.rw != "" && !m.joining {
		w.used = m.processes
	}
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
	w.abandoned = w.abandoned || m.rw == "" && p.owns() || m.rw != "" && p.writes()
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
	case reads:
		p.does, p.sharing = withdraws, sharing{at: m.after(withdraws, beginning, withdrawing), then: done}
		m.must("RUnlock()", w, i)
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
		if m.rw != "" {
			m.vacate(w, i)
			return
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
		c.process[i].poisoning.shared = m.rw != ""
		m.maybe("Lock(), and the segment is gone", c, i)
	}
	if m.readsIn(i) {
		for _, try := range []bool{true, false} {
			if c := w; !try || m.try {
				p := &c.process[i]
				p.does, p.sharing = shares, sharing{at: m.after(shares, beginning, visiting), me: p.me, try: try}
				if !p.armed && m.arming == onCall {
					p.does, p.arming.at = arms, counting
				}
				m.maybe("RLock()", c, i)
			}
		}
	}
	if m.rw != "" && !m.writesIn(i) {
		return
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

// readsIn and writesIn tell whether a process of the scenario takes a RWMutex so.
func (m *model) readsIn(i int) bool  { return m.rw != "" && m.rw[i] != 'W' }
func (m *model) writesIn(i int) bool { return m.rw[i] != 'R' }

// vacate is Unlock of a RWMutex, or Downgrade.
func (m *model) vacate(w world, i int) {
	for _, from := range []place{emerging, staying} {
		if from == staying && !m.downgrade {
			continue
		}
		c := w
		p := &c.process[i]
		p.does, p.stays = vacates, from == staying
		p.vacating = vacating{at: m.after(vacates, beginning, from), back: unlocking{at: freeing, me: p.me}}
		m.must("Unlock()", c, i)
	}
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
		p.does, p.poisoning.at, p.poisoning.shared = removes, m.after(removes, beginning, condemning), m.rw != ""
		m.maybe("Remove()", w, i)
	}
}

// proceed is the next access of process i.
func (m *model) proceed(w world, i int) {
	m.step(w, i, usual, true)
	p := &w.process[i]
	waits := p.atDoor() || p.does == locks && p.locking.at == sleeping || p.awaitsNews()
	if p.awaitsNews() {
		m.lookForNews(w, i)
	}
	if w.setRemoved {
		return
	}
	if m.cancel && waits {
		m.step(w, i, cancelled, false)
	}
	if m.refuse && *p.machine() == asking {
		m.step(w, i, refused, false)
	}
	if p.does == shares && p.sharing.slept && m.admits && p.sharing.at == announcing && *m.access(&w, i, usual).own() < oneLong {
		c := w
		c.process[i].sharing.at = admitting
		m.maybe("it has been long", c, i)
	}
	if p.does == empties && p.emptying.letting && p.emptying.at == sleeping && !m.neverForgets {
		c := w
		c.process[i].emptying.at = forgetting
		c.process[i].listens, c.process[i].on, c.process[i].heard = false, 0, false
		m.moves = append(m.moves, move{who: i, deed: deed{name: "nobody comes in"}, must: w.anyStopped(), next: c})
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
	switch {
	case w.anyStopped() && w.somethingToSee() && !m.noEndOfWaits:
		m.step(w, i, looksAgain, true)
	case w.looks > 0:
		w.looks--
		m.step(w, i, looksAgain, false)
	}
}

func (w *world) anyStopped() bool {
	for i := range w.process {
		if w.process[i].stopped {
			return true
		}
	}
	return false
}

// awaitsNews tells whether the process sleeps until readers or a writer have gone.
func (p *process) awaitsNews() bool {
	return p.does == shares && p.sharing.at == sleeping || p.does == empties && p.emptying.at == sleeping
}

// lookForNews is a wait for news that ends without any. As above it must come only
// where somebody is stopped, or has died, who would have told it.
func (m *model) lookForNews(w world, i int) {
	p := &w.process[i]
	if p.heard {
		return
	}
	sees := false
	if p.does == shares {
		sees = w.somethingToSee() && w.word&^waiters != p.sharing.seen&^waiters || !w.livesIn(p.sharing.seen) || w.marks&openMark != 0
	} else {
		e := p.emptying
		e.seen = w.crowds[e.slot]
		sees = !e.awaited() || w.values[index(semaphore(e.slot))] == 0
	}
	sees = sees || w.setRemoved
	switch {
	case sees && (w.anyStopped() || w.ends < m.ends) && !m.noEndOfWaits:
		m.step(w, i, looksAgain, true)
	case w.looks > 0:
		w.looks--
		m.step(w, i, looksAgain, false)
	}
}

// livesIn tells whether the owner that a word names lives.
func (w *world) livesIn(word uint32) bool {
	slot := slotOf(word)
	return w.values[index(semaphore(slot))] != 0 && w.generations[slot] == generationOf(word)
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
	case shares, withdraws:
		p.sharing.step(a)
	case empties:
		p.emptying.step(a)
	case vacates:
		p.vacating.step(a)
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
	case shares, withdraws:
		return &p.sharing.at
	case empties:
		return &p.emptying.at
	case vacates:
		return &p.vacating.at
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
	case shares:
		return m.hasShared(w, i, at)
	case withdraws:
		if p.sharing.at == done {
			m.returns(p)
		}
	case empties:
		return m.hasEmptied(w, i, at)
	case vacates:
		m.hasVacated(p)
	}
	return ""
}

func (m *model) hasShared(w *world, i int, at place) (broken property) {
	p := &w.process[i]
	s := &p.sharing
	if at == admitting {
		p.passedBy = 0
	}
	if at == heeding && s.took || at == telling && s.took {
		if at == heeding && w.marks&openMark == 0 {
			w.cameIn[i] = min(w.cameIn[i]+1, 2)
		}
		switch {
		case at == heeding && w.told:
			broken = noneEntersRemoved
		case s.abandoned != w.abandoned:
			broken = abandonedIsExact
		case w.cameIn[i] > 1 && w.heldBySomebody():
			broken = noneOvertakes
		}
	}
	if s.at != facing && s.at != heeding {
		s.n = 0
	}
	switch s.at {
	case visiting, facing, withdrawing, calling, thanking, inheriting, staying, returning, telling:
		s.seen = 0
	case looking:
		if !s.said {
			s.seen = 0
		}
	}
	switch s.at {
	case inheriting, staying, returning, telling:
	default:
		s.take, s.back = locking{}, unlocking{}
	}
	if s.at != done {
		return broken
	}
	if s.err != nil && s.err != errRefused && s.err != errCancelled && !errors.Is(s.err, sysv.ErrRemoved) {
		return noOtherError
	}
	took := s.took
	p.sharing, p.passedBy = sharing{}, 0
	p.listens, p.on, p.heard = false, 0, false
	if !took {
		m.returns(p)
		return broken
	}
	p.does = reads
	return broken
}

// heldBySomebody tells whether a living process has the mutex of the writers.
func (w *world) heldBySomebody() bool {
	for i := range w.process {
		if p := &w.process[i]; p.owns() && (p.does == empties || p.writes()) {
			return true
		}
	}
	return false
}

func (m *model) hasEmptied(w *world, i int, at place) (broken property) {
	p := &w.process[i]
	e := &p.emptying
	if at == forgetting {
		for j := range w.process {
			w.process[j].passedBy = 0
		}
	}
	if at == occupying && !e.try {
		broken = w.passesBy(i)
	}
	switch e.at {
	case measuring, viewing, opening, telling, barring, occupying:
		e.seen = 0
	}
	if e.at != done {
		return broken
	}
	in := e.in
	if e.err != nil && e.err != errRefused && e.err != errCancelled && !errors.Is(e.err, sysv.ErrRemoved) {
		return noOtherError
	}
	if in && p.told != w.abandoned {
		broken = abandonedIsExact
	}
	p.emptying, p.told = emptying{}, false
	p.listens, p.on, p.heard = false, 0, false
	if in {
		p.does = holds
		return broken
	}
	p.does, p.vacating = vacates, vacating{at: m.after(vacates, beginning, returning), back: unlocking{at: freeing, me: p.me}}
	return broken
}

// passesBy notes that a writer goes in, and tells whether it should have let somebody
// read before: the one who was there when he said that he has waited long may not have
// seen it.
func (w *world) passesBy(i int) (broken property) {
	for j := range w.process {
		p := &w.process[j]
		if j == i || p.does != shares || !p.sharing.long || p.sharing.took || p.sharing.at == thanking {
			continue
		}
		if p.passedBy++; p.passedBy > 1 && !p.stopped && w.crowds[slotOf(p.me)] >= oneLong {
			broken = noneOvertakes
		}
	}
	return broken
}

func (m *model) hasVacated(p *process) {
	if p.vacating.at != done {
		return
	}
	p.vacating = vacating{}
	if p.stays {
		p.does, p.stays = reads, false
		return
	}
	m.returns(p)
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
	if p.sharing.at != beginning {
		p.does = shares
		return
	}
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
	case (!l.took || l.err != nil) && m.rw != "":
		p.does, p.vacating, p.locking = vacates, vacating{at: m.after(vacates, beginning, telling)}, locking{}
		return broken
	case !l.took || l.err != nil:
		m.returns(p)
		return broken
	case w.told:
		broken = noneEntersRemoved
	case l.abandoned != w.abandoned:
		broken = abandonedIsExact
	}
	if m.rw != "" {
		p.does, p.told = empties, l.abandoned
		p.emptying = emptying{at: m.after(empties, beginning, measuring), try: l.try}
		p.locking = locking{}
		w.cameIn = [mostProcesses]uint8{}
		return broken
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
	p.does, p.locking, p.unlocking, p.sharing = idles, locking{}, unlocking{}, sharing{}
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

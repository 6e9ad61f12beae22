package lock_test

import "cmp"

// modelWord is the lock's word: 0, or withW | slot+1 | generation.
type modelWord uint8

const withW modelWord = 0x80

func wordOf(slot, generation uint8) modelWord { return modelWord(slot+1)<<4 | modelWord(generation) }

func (w modelWord) slot() uint8       { return uint8(w&^withW)>>4 - 1 }
func (w modelWord) generation() uint8 { return uint8(w & 0xf) }

const (
	mostProcesses   = 3
	mostSlots       = mostProcesses
	mostGenerations = 16
)

// The semaphores of the set; semAlive+slot is the liveness of a slot.
const (
	semJoin uint8 = iota
	semWake
	semAlive
	semCount = semAlive + mostSlots
)

// world is all there is at a time: what processes share, what the kernel keeps,
// and the processes. It is small, for millions are kept.
type world struct {
	word       modelWord
	generation [mostSlots]uint8
	dirty      bool
	longWait   bool // the mark
	value      [semCount]uint8
	process    [mostProcesses]modelProcess

	ownerEnded           bool // holding the lock, and Repaired has not been called since
	ends, starts, leaves uint8
	stops, looks         uint8
}

// modelProcess is a process: the kernel's adjustments for it, and its memory.
type modelProcess struct {
	at   modelStep
	undo [semCount]int8

	rounds           uint8
	slot, generation uint8
	joined, armed    bool
	holds            bool // it believes to hold the lock
	stopped          bool

	// For the length of a call:
	trying    bool      // it is TryLock
	seen      modelWord // s
	drain     uint8     // v of a drain
	woken     bool      // it took a token; known only where GETVAL can fail
	abandoned bool      // what it is going to report
	slept     bool      // it took a token, or looks again without; known only where a lock can be kept
	keep      bool      // what it saw of the mark
}

func (p *modelProcess) me() modelWord { return wordOf(p.slot, p.generation) }

// forget ends a call.
func (p *modelProcess) forget() {
	p.trying, p.seen, p.drain, p.woken, p.abandoned, p.slept, p.keep = false, 0, 0, false, false, false, false
}

// modelStep is a place in a process's program: the step that it takes next.
type modelStep uint8

const (
	atNothing modelStep = iota // there is no process, or it has ended
	atEnding                   // it has half ended, in a mutant
	atOutside                  // not joined, in no call
	atIdle                     // joined, in no call
	atHolding                  // between Lock and Unlock

	atJoinEnter
	atJoinPick
	atJoinNumber
	atJoinPass
	atJoinGeneration
	atJoinAlive
	atJoinExit

	atArmLook
	atArmDrain
	atArm

	atLockFirst
	atLockLook
	atLockFree
	atLockKept
	atLockEndMark
	atLockMark
	atLockAlive
	atLockGeneration
	atLockTake
	atLockSetDirty
	atLockReadDirty
	atLockWait
	atLockHandOn

	atUnlockLook
	atUnlockFast
	atUnlockMark
	atUnlockSwap
	atUnlockPost

	atLeaveAlive
	atLeaveWake

	// From here on no steps but forks, each of which leads to a step: a call, or
	// what a step has found.
	onCall
	onReturn
	onFree      // LOCK: the word is 0
	onKept      // it is W alone, and may be taken
	onUnmarked  // it has no W
	onMarked    // it has W
	onDead      // its owner is dead
	onAlive     // its owner is alive
	onNoWaiters // UNLOCK: the word has no W
	onWaiters   // it has W
	onLeave

	places
)

// order is which step comes after which. A step that fails goes elsewhere, as it
// says itself.
type order [places]modelStep

func (o *order) set(steps ...modelStep) {
	for i, next := range steps[1:] {
		o[steps[i]] = next
	}
}

func protocol() (o order) {
	// JOIN
	o.set(atOutside, atJoinEnter, atJoinPick, atJoinNumber, atJoinPass, atJoinGeneration, atJoinAlive, atJoinExit, atIdle)
	// ARM, LOCK and TRY
	o.set(onCall, atArmLook, atArmDrain, atArm, atLockFirst, atLockReadDirty, atHolding)
	o.set(onFree, atLockFree, atLockReadDirty)
	o.set(onKept, atLockKept, atLockEndMark, atLockReadDirty)
	o.set(onUnmarked, atLockMark, onMarked)
	o.set(onMarked, atLockAlive, atLockGeneration, onAlive)
	o.set(onDead, atLockTake, atLockSetDirty, atHolding)
	o.set(onAlive, atLockWait, atLockLook)
	// UNLOCK
	o.set(atHolding, atUnlockLook, onNoWaiters, atUnlockFast, onWaiters)
	o.set(onWaiters, atUnlockMark, atUnlockSwap, atUnlockPost, onReturn)
	o.set(onReturn, atIdle)
	// LEAVE
	o.set(onLeave, atLeaveAlive, atLeaveWake, atOutside)
	return o
}

// model is a scenario's rules: what can come after what.
type model struct {
	scenario
	then  order
	rule  rule     // "" but for mutants
	only  property // the one that matters, "" for all
	moves []move
}

// move is something that can happen in a world.
type move struct {
	who    int
	what   string
	must   bool     // it needs nobody to call, start or end, and no context to
	broken property // by this move
	next   world
}

// start is the world in the beginning.
func (m *model) start() world {
	m.highest = cmp.Or(m.highest, 9) // no scenario has as many ends and tokens
	m.generations = cmp.Or(m.generations, mostGenerations)
	s := world{ends: m.ends, starts: m.starts, leaves: m.leaves, stops: m.stops, looks: m.looks}
	s.value[semJoin] = 1
	for i := range m.processes {
		p := &s.process[i]
		p.at, p.rounds = atOutside, m.rounds
		if m.joining {
			continue
		}
		p.at, p.slot, p.generation, p.joined = atIdle, i, 1, true
		s.generation[i] = 1
		m.semop(&s, p, semOp{semAlive + i, +1, m.rule != aliveWithoutUndo})
		if m.then[onCall] == atArmLook {
			p.armed = true
			m.semop(&s, p, semOp{semWake, +1, false}, semOp{semWake, -1, true})
		}
	}
	return s
}

// all returns the moves that are possible in s. The next call overwrites them.
func (m *model) all(s world) []move {
	m.moves = m.moves[:0]
	for i := range int(m.processes) {
		if s.process[i].stopped {
			m.resume(s, i)
		} else {
			m.act(s, i)
			m.stop(s, i)
		}
		m.end(s, i)
	}
	return m.moves
}

// onward is a step of process i, after which it goes on to the next in order. s
// is the world as the step leaves it.
func (m *model) onward(what string, s world, i int) {
	m.to(m.then[s.process[i].at], what, s, i)
}

// to is a step after which the process goes on to another than that.
func (m *model) to(next modelStep, what string, s world, i int) {
	m.maybe(next, what, s, i)
	m.moves[len(m.moves)-1].must = true
}

// maybe is a step that need not come, so that nobody may depend on it.
func (m *model) maybe(next modelStep, what string, s world, i int) {
	p := &s.process[i]
	for next >= onCall || next == atArmLook && p.armed || next == atUnlockMark && !m.keeps {
		switch {
		case next == atArmLook: // ARM is once per process
			next = atArm
		case next == onAlive && p.trying: // TRY has no P
			next = onReturn
		}
		if next == onReturn {
			p.forget()
			p.rounds--
		}
		next = m.then[next]
	}
	mv := move{who: i, what: what}
	if next == atHolding && p.at != atHolding {
		if p.abandoned != s.ownerEnded {
			mv.broken = abandonedIsExact
		}
		p.forget()
	}
	p.at = next
	mv.next = s
	m.moves = append(m.moves, mv)
}

// fails is a step that breaks a property and leads nowhere.
func (m *model) fails(broken property, what string, s world, i int) {
	m.moves = append(m.moves, move{who: i, what: what, must: true, broken: broken, next: s})
}

// stop is SIGSTOP in the middle of a call, or while the process holds the lock.
func (m *model) stop(s world, i int) {
	p := &s.process[i]
	if s.stops == 0 || !p.inCall() {
		return
	}
	s.stops--
	p.stopped = true
	m.maybe(p.at, "SIGSTOP", s, i)
}

func (m *model) resume(s world, i int) {
	s.process[i].stopped = false
	m.maybe(s.process[i].at, "SIGCONT", s, i)
}

// somethingToSee tells whether a waiter who looked now would do other than wait
// on. A look that changes nothing is no move.
func (s *world) somethingToSee() bool {
	return s.word&^withW == 0 || s.word&withW == 0 || s.value[semAlive+s.word.slot()] == 0 ||
		s.generation[s.word.slot()] != s.word.generation()
}

// lookAgain is a waiter that looks without a token. It does so after some time,
// always: but what depends on it takes that time, so that it is a step that must
// come only while somebody is stopped.
func (m *model) lookAgain(s world, i int) {
	p := &s.process[i]
	p.seen, p.slept = 0, m.keeps
	anyStopped := false
	for j := range s.process {
		anyStopped = anyStopped || s.process[j].stopped
	}
	switch {
	case anyStopped && s.somethingToSee() && m.rule != waitWithoutEnd:
		m.to(atLockLook, "LOCK P(wake): looks again", s, i)
	case s.looks > 0:
		s.looks--
		m.maybe(atLockLook, "LOCK P(wake): looks again", s, i)
	}
}

// end is kill -9, or an end of the process's own accord.
func (m *model) end(s world, i int) {
	p := &s.process[i]
	untouched := modelProcess{at: atOutside, rounds: p.rounds}
	if s.ends == 0 || p.at == atNothing || p.at == atEnding || *p == untouched {
		return
	}
	s.ends--
	s.ownerEnded = s.ownerEnded || p.holds
	if m.rule == undoneApart {
		m.undo(&s, p, semWake)
		*p = modelProcess{undo: p.undo}
		m.maybe(atEnding, "kill -9, wake undone", s, i)
		return
	}
	m.undoAll(&s, p)
	*p = modelProcess{}
	m.maybe(atNothing, "kill -9", s, i)
}

// act is the step that process i is at, in each way in which it can go.
func (m *model) act(s world, i int) {
	p := &s.process[i]
	switch p.at {
	case atNothing:
		if s.starts > 0 {
			s.starts--
			p.rounds = m.rounds
			m.maybe(atOutside, "starts", s, i)
		}
	case atEnding:
		m.undoAll(&s, p)
		*p = modelProcess{}
		m.to(atNothing, "all undone", s, i)

	case atOutside:
		if p.rounds > 0 {
			m.maybe(m.then[atOutside], "Join()", s, i)
		}
	case atJoinEnter: // P(join, UNDO)
		if m.cancel {
			c := s
			c.process[i].rounds = 0 // it does not try again
			m.maybe(atOutside, "JOIN P(join): cancelled", c, i)
		}
		if m.semop(&s, p, semOp{semJoin, -1, m.rule != enterWithoutUndo}) == semDone {
			m.onward("JOIN P(join)", s, i)
		}
	case atJoinPick: // a slot whose liveness is 0, any
		found := false
		for slot := range m.processes {
			if s.value[semAlive+slot] == 0 {
				found = true
				c := s
				c.process[i].slot = slot
				m.onward("JOIN GETVAL(liveness) = 0", c, i)
			}
		}
		if !found {
			m.fails(slotForEach, "JOIN no slot", s, i)
		}
	case atJoinNumber: // generation[slot]++
		p.generation = m.nextGeneration(s.generation[p.slot])
		m.onward("JOIN g = generation+1", s, i)
	case atJoinPass: // passing over one that a word still names
		if s.word&^withW == p.me() {
			p.generation = m.nextGeneration(p.generation)
			m.onward("JOIN the word names g: g+1", s, i)
		} else {
			m.onward("JOIN the word does not name g", s, i)
		}
	case atJoinGeneration:
		s.generation[p.slot] = p.generation
		m.onward("JOIN generation = g", s, i)
	case atJoinAlive: // [slot 0 NOWAIT, slot +1 UNDO]
		slot := semAlive + p.slot
		if m.semop(&s, p, semOp{slot, 0, false}, semOp{slot, +1, m.rule != aliveWithoutUndo}) == semDone {
			p.joined = true
			m.onward("JOIN [slot 0, slot +1 UNDO]", s, i)
			return
		}
		// Only mutants come here. A failure undoes what was done.
		if p.undo[semJoin] != 0 {
			m.semop(&s, p, semOp{semJoin, +1, true})
		}
		m.to(atOutside, "JOIN [slot 0, slot +1 UNDO]: EAGAIN", s, i)
	case atJoinExit: // V(join, UNDO)
		m.semop(&s, p, semOp{semJoin, +1, m.rule != exitWithoutUndo})
		m.onward("JOIN V(join)", s, i)

	case atIdle:
		if p.rounds > 0 {
			m.maybe(onCall, "Lock()", s, i)
		}
		if p.rounds > 0 && m.try {
			c := s
			c.process[i].trying = true
			m.maybe(onCall, "TryLock()", c, i)
		}
		if s.leaves > 0 {
			s.leaves--
			m.maybe(onLeave, "Leave()", s, i)
		}

	case atArmLook: // a wake value of 2 or more is drained first
		if s.value[semWake] >= 2 {
			p.drain = s.value[semWake]
			m.to(atArmDrain, "ARM v = GETVAL(wake) >= 2", s, i)
		} else {
			m.to(atArm, "ARM v = GETVAL(wake) < 2", s, i)
		}
	case atArmDrain: // [-v, +1] NOWAIT; EAGAIN: skip
		take, leave := semOp{semWake, -int8(p.drain), false}, semOp{semWake, +1, false}
		p.drain = 0
		switch {
		case m.rule == drainBySetval:
			s.value[semWake] = 1
			for j := range s.process { // as SETVAL does
				s.process[j].undo[semWake] = 0
			}
			m.onward("ARM SETVAL(wake, 1)", s, i)
		case m.rule == drainToZero && m.semop(&s, p, take) == semDone:
			m.onward("ARM [wake -v]", s, i)
		case m.semop(&s, p, take, leave) == semDone:
			m.onward("ARM [wake -v, wake +1]", s, i)
		default:
			m.onward("ARM [wake -v, wake +1]: EAGAIN", s, i)
		}
	case atArm: // [wake +1, wake -1 UNDO]; ERANGE: drain, again
		if m.semop(&s, p, semOp{semWake, +1, false}, semOp{semWake, -1, true}) == semDone {
			p.armed = true
			m.onward("ARM [wake +1, wake -1 UNDO]", s, i)
		} else {
			m.to(atArmLook, "ARM [wake +1, wake -1 UNDO]: ERANGE", s, i)
		}

	case atLockFirst: // CAS(0 -> me): done
		if s.cas(0, p.me()) {
			p.holds = true
			m.onward("LOCK CAS(0 -> me): done", s, i)
		} else {
			m.to(atLockLook, "LOCK CAS(0 -> me): fails", s, i)
		}
	case atLockLook: // loop: s = word
		p.seen = s.word
		switch {
		case p.trying && p.seen == 0:
			m.to(onReturn, "TRY s = word, 0: false", s, i)
		case p.seen == withW && (p.slept || p.trying) && m.rule != keptForNobody:
			m.to(onKept, "LOCK s = word, W alone", s, i)
		case p.seen == withW:
			m.to(onAlive, "LOCK s = word, W alone, but it has not slept", s, i)
		case p.trying:
			m.to(onMarked, "TRY s = word", s, i)
		case p.seen == 0:
			m.to(onFree, "LOCK s = word, 0", s, i)
		case p.seen&withW == 0:
			m.to(onUnmarked, "LOCK s = word, no W", s, i)
		default:
			m.to(onMarked, "LOCK s = word, W", s, i)
		}
	case atLockFree: // s == 0: CAS(0 -> me|W): done; else loop
		me := p.me() | withW
		if m.rule == freeWithoutW {
			me = p.me()
		}
		if s.cas(0, me) {
			p.holds = true
			m.onward("LOCK CAS(0 -> me|W): done", s, i)
		} else {
			m.to(atLockLook, "LOCK CAS(0 -> me|W): fails", s, i)
		}
	case atLockKept: // s == W alone: CAS(W -> me|W); else loop
		me := p.me() | withW
		if m.rule == keptWithoutW {
			me = p.me()
		}
		switch {
		case s.cas(withW, me):
			p.holds = true
			m.onward("LOCK CAS(W -> me|W): done", s, i)
		case p.trying:
			m.to(onReturn, "TRY CAS(W -> me|W): fails, false", s, i)
		default:
			m.to(atLockLook, "LOCK CAS(W -> me|W): fails", s, i)
		}
	case atLockEndMark: // the mark ends
		s.longWait = false
		m.onward("LOCK long wait = 0", s, i)
	case atLockMark: // no W in s: CAS(s -> s|W); else loop
		if s.cas(p.seen, p.seen|withW) {
			p.seen |= withW
			m.onward("LOCK CAS(s -> s|W): done", s, i)
		} else {
			m.to(atLockLook, "LOCK CAS(s -> s|W): fails", s, i)
		}
	case atLockAlive: // v = GETVAL(liveness of s's slot) first
		if m.refuse {
			m.getvalFails(s, i)
		}
		if s.value[semAlive+p.seen.slot()] == 0 {
			m.to(onDead, "LOCK GETVAL(liveness) = 0", s, i)
		} else {
			m.onward("LOCK GETVAL(liveness) = 1", s, i)
		}
	case atLockGeneration: // then g = generation of that slot
		if s.generation[p.seen.slot()] != p.seen.generation() {
			m.to(onDead, "LOCK g != s's", s, i)
		} else {
			m.onward("LOCK g = s's", s, i)
		}
	case atLockTake: // v == 0 or g != s's: CAS(s -> me|W): done, abandoned; else loop
		me := p.me() | withW
		switch m.rule {
		case takeWithoutW:
			me = p.me()
		case takeByStore:
			p.seen = s.word
		}
		switch {
		case s.cas(p.seen, me):
			p.holds, p.abandoned = true, true
			m.onward("LOCK CAS(s -> me|W): done, abandoned", s, i)
		case p.trying:
			m.to(onReturn, "TRY CAS(s -> me|W): fails, false", s, i)
		default:
			m.to(atLockLook, "LOCK CAS(s -> me|W): fails", s, i)
		}
	case atLockSetDirty:
		s.dirty = true
		m.onward("LOCK dirty = 1", s, i)
	case atLockReadDirty:
		p.abandoned = s.dirty
		m.onward("LOCK abandoned = dirty", s, i)
	case atLockWait: // P(wake): cancelled: return it. Succeeded: loop
		if m.cancel {
			m.maybe(onReturn, "LOCK P(wake): cancelled", s, i)
		}
		if m.keeps && !s.longWait {
			c := s
			c.longWait = true
			m.maybe(atLockWait, "LOCK long wait = 1", c, i)
		}
		m.lookAgain(s, i)
		if m.semop(&s, p, semOp{semWake, -1, false}) == semDone {
			p.seen, p.woken, p.slept = 0, m.refuse, m.keeps
			m.onward("LOCK P(wake)", s, i)
			if m.rule == errorAfterToken {
				m.maybe(onReturn, "LOCK P(wake), the context's error", s, i)
			}
		}
	case atLockHandOn: // leave another the token; see getvalFails
		m.post(&s, p)
		m.to(onReturn, "LOCK [wake 0, wake +1], GETVAL's error", s, i)

	case atHolding:
		if s.dirty {
			c := s
			c.dirty, c.ownerEnded = false, false
			m.maybe(atHolding, "Repaired()", c, i)
		}
		if m.rule == leaveWhileHeld && s.leaves > 0 {
			c := s
			c.leaves--
			m.maybe(onLeave, "Leave()", c, i)
		}
		m.onward("Unlock()", s, i)
	case atUnlockLook: // the word does not name me: an error
		switch s.word {
		case p.me():
			m.to(onNoWaiters, "UNLOCK s = word", s, i)
		case p.me() | withW:
			m.to(onWaiters, "UNLOCK s = word, W", s, i)
		default:
			m.fails(mutualExclusion, "UNLOCK the word does not name me", s, i)
		}
	case atUnlockFast: // CAS(me -> 0), which is the swap where W is not set
		if m.rule == unlockByStore {
			s.word = p.me()
		}
		if s.cas(p.me(), 0) {
			p.holds = false
			m.to(onReturn, "UNLOCK CAS(me -> 0): done", s, i)
		} else {
			m.onward("UNLOCK CAS(me -> 0): fails", s, i)
		}
	case atUnlockMark: // whether somebody has waited long
		p.keep = s.longWait
		m.onward("UNLOCK long wait?", s, i)
	case atUnlockSwap: // s = swap(0), or swap(W) for who has waited long
		old := s.word
		s.word, p.holds = 0, false
		if p.keep {
			s.word = withW
		}
		if p.keep && m.rule == keptWithoutPost {
			m.to(onReturn, "UNLOCK s = swap(W)", s, i)
		} else if old&withW != 0 {
			m.onward("UNLOCK s = swap(0), W", s, i)
		} else {
			m.to(onReturn, "UNLOCK s = swap(0)", s, i)
		}
	case atUnlockPost: // if W: [wake 0 NOWAIT, wake +1]; EAGAIN: a token is there already
		if m.post(&s, p) == semDone {
			m.onward("UNLOCK [wake 0, wake +1]", s, i)
		} else {
			m.onward("UNLOCK [wake 0, wake +1]: EAGAIN", s, i)
		}

	case atLeaveAlive: // [slot -1 UNDO]
		m.semop(&s, p, semOp{semAlive + p.slot, -1, m.rule != leaveWithoutUndo})
		p.joined = false
		m.onward("LEAVE [slot -1 UNDO]", s, i)
	case atLeaveWake: // if armed: [wake +1 UNDO, wake -1]; ERANGE: it stays armed
		switch {
		case !p.armed:
			m.onward("LEAVE not armed", s, i)
		case m.semop(&s, p, semOp{semWake, +1, true}, semOp{semWake, -1, false}) == semDone:
			p.armed = false
			m.onward("LEAVE [wake +1 UNDO, wake -1]", s, i)
		default:
			m.onward("LEAVE [wake +1 UNDO, wake -1]: ERANGE", s, i)
		}
	}
}

// getvalFails is a GETVAL of the liveness that gives an error, which Lock returns.
// If Lock has taken a token, it leaves one: its own can be the last, that of an
// owner that has ended, and others wait.
func (m *model) getvalFails(s world, i int) {
	switch p := &s.process[i]; {
	case m.rule == deadOnError:
		m.maybe(onDead, "LOCK GETVAL(liveness) fails", s, i)
	case p.woken && m.rule != errorKeepsToken:
		m.maybe(atLockHandOn, "LOCK GETVAL(liveness) fails", s, i)
	default:
		m.maybe(onReturn, "LOCK GETVAL(liveness) fails, its error", s, i)
	}
}

func (m *model) post(s *world, p *modelProcess) semResult {
	return m.semop(s, p, semOp{semWake, 0, false}, semOp{semWake, +1, m.rule == postWithUndo})
}

func (m *model) nextGeneration(g uint8) uint8 { return (g + 1) % m.generations }

func (s *world) cas(old, new modelWord) bool {
	if s.word != old {
		return false
	}
	s.word = new
	return true
}

// semOp is one operation of semop(2).
type semOp struct {
	num   uint8
	delta int8
	undo  bool
}

type semResult int

const (
	semDone     semResult = iota
	semWaits              // or EAGAIN, with NOWAIT
	semTooLarge           // ERANGE
)

// semop performs the operations in their order, all of them or none.
func (m *model) semop(s *world, p *modelProcess, ops ...semOp) semResult {
	value, undo := s.value, p.undo
	for _, op := range ops {
		v := int(value[op.num]) + int(op.delta)
		switch {
		case v < 0, op.delta == 0 && v != 0:
			return semWaits
		case v > m.highest:
			return semTooLarge
		}
		value[op.num] = uint8(v)
		if op.undo {
			undo[op.num] -= op.delta
		}
	}
	s.value, p.undo = value, undo
	return semDone
}

// undo is what a process's end does to a semaphore. It goes as far as it can
// where semop would wait or fail.
func (m *model) undo(s *world, p *modelProcess, num uint8) {
	v := int(s.value[num]) + int(p.undo[num])
	s.value[num], p.undo[num] = uint8(min(max(v, 0), m.highest)), 0
}

func (m *model) undoAll(s *world, p *modelProcess) {
	for num := range semCount {
		m.undo(s, p, num)
	}
}

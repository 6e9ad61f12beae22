package lock

import "errors"

// An entry gives its process a slot. The door is open for one at a time, and opens
// again at his death. He who dies leaves the slot as it is, with another
// generation.
type entry struct {
	at         place
	slot       int
	generation uint32
	mutex      int // the next to be looked at, or RWMutex
	err        error
}

// errFull says that no slot is left.
var errFull = errors.New("no slot is left")

func (e *entry) step(r roll) {
	switch e.at {
	case knocking:
		entered, err := r.wait(takeDoor)
		switch {
		case err != nil:
			e.err, e.at = err, done
		case entered:
			e.at = picking
			at(joinTaken)
		}
	case picking:
		e.at = numbering
		if e.slot, e.err = r.free(e.slot); e.err == nil && e.slot < 0 {
			e.err = errFull
		}
		if e.err != nil {
			e.at = closing
		}
	case numbering:
		e.try(r.generation(e.slot) + 1)
	case passing: // one by which a mutex still names a process that had the slot, and died
		word := r.word(e.mutex)
		switch e.mutex++; {
		case word&^waiters == e.me():
			e.try(e.generation + 1)
		case e.mutex == r.mutexes():
			e.mutex, e.at = 0, raising
			if r.rwmutexes() > 0 {
				e.at = clearing
			}
		}
	case clearing: // of a process that had the slot, and died; before the slot is alive
		r.clearCrowd(e.mutex, e.slot)
		if e.mutex++; e.mutex == r.rwmutexes() {
			e.at = widening
		}
		at(crowdCleared)
	case widening: // before a writer may have to see that this one reads
		r.widen(e.slot + 1)
		e.at = raising
	case raising: // before the slot is alive: who sees it alive must see the generation
		r.setGeneration(e.slot, e.generation)
		e.at = living
		at(generationRaised)
	case living:
		lives, err := r.try(live(e.slot))
		switch {
		case err != nil:
			e.err, e.at = err, closing
		case lives:
			e.at = closing
			at(slotTaken)
		default: // somebody has it
			e.slot, e.at = e.slot+1, picking
		}
	case closing:
		if _, err := r.try(leaveDoor); err != nil {
			e.err = errors.Join(e.err, err)
		}
		e.at = done
		at(joined)
	}
}

func (e *entry) try(generation uint32) {
	e.generation, e.mutex, e.at = generation&genMask, 0, passing
}

// me is the word of a mutex that the process has, once it has joined.
func (e *entry) me() uint32 { return ownerWord(e.slot, e.generation) }

// A leaving takes back what an entry and an arming did. The order keeps the tokens:
// first nobody takes the process for alive any more. A process with several armed
// mutexes disarms each.
type leaving struct {
	at   place
	slot int
	err  error
}

func (l *leaving) step(s set) {
	switch l.at {
	case quitting:
		if _, l.err = s.try(quit(l.slot)); l.err != nil {
			l.at = done
			return
		}
		l.at = disarming
		at(slotLeft)
	case disarming:
		l.at = done
		if _, l.err = s.try(takeItBack); l.err == nil {
			at(disarmed)
		}
	}
}

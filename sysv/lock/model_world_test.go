package lock

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
)

const (
	mostProcesses = 3
	semCount      = 2 + mostProcesses
)

// index is where the model keeps a semaphore.
func index(of semaphore) int { return int(of - tokens) }

// world is all there is at a time: what processes share and what the kernel keeps,
// and the processes.
type world struct {
	shared
	process [mostProcesses]process
}

// shared also has what is left of the scenario, and what properties speak of.
type shared struct {
	word, marks uint32
	generations [mostProcesses]uint32
	values      [semCount]int8
	setRemoved  bool

	// Of a RWMutex:
	crowds  [mostProcesses]uint32
	used    uint8
	awaited [2]bool // by news

	ends, starts, leaves, stops, looks, removals, wraps uint8

	abandoned bool // an owner ended, and Repaired has not been called since
	told      bool // somebody has told all members that the group is removed
	due       bool // it is the turn of those who have waited

	// How often each has come to read since a writer took the mutex.
	cameIn [mostProcesses]uint8
}

// process is a process: the kernel's adjustments for it, and its memory.
type process struct {
	does   activity
	undo   [semCount]int8
	rounds uint8
	me     uint32
	joined bool
	armed  bool

	stopped bool

	// What it is in the middle of:
	entry     entry
	arming    arming
	locking   locking
	unlocking unlocking
	leaving   leaving
	poisoning poisoning
	sharing   sharing
	emptying  emptying
	vacating  vacating

	listens  bool  // it has said that it waits,
	on       news  // for this
	heard    bool  // which has come since
	told     bool  // Lock found it abandoned, and readers are waited for
	stays    bool  // it gives the lock back to read
	passedBy uint8 // how many writers went in since it said that it has waited long
}

// activity is what a process is doing.
type activity uint8

const (
	nothing   activity = iota // there is no process, or it has ended
	halfEnded                 // in a mutant
	outside                   // it is no member
	idles                     // it is a member, in no call
	enters
	arms
	locks
	holds // between Lock and Unlock
	unlocks
	leaves
	removes // tells members that the group is removed, and then removes the set
	watches // tells them, as a member who has seen it, and then locks

	// Of a RWMutex, whose writer locks, and holds:
	shares
	reads
	withdraws // RUnlock
	empties
	vacates
)

// inCall tells whether a process is in the middle of a call, or between two that
// belong together.
func (p *process) inCall() bool {
	switch p.does {
	case nothing, outside, idles:
		return false
	}
	return true
}

// owns tells whether the process believes to have the mutex.
func (p *process) owns() bool {
	switch p.does {
	case holds:
		return true
	case locks:
		return p.locking.took && (p.locking.at != returning || !p.locking.back.gave())
	case unlocks:
		return !p.unlocking.gave()
	case empties:
		return true
	case vacates:
		return p.vacating.at != returning && p.vacating.at != telling || p.vacating.at == returning && !p.vacating.back.gave()
	case shares:
		s := &p.sharing
		return s.take.took && (s.at == inheriting && (s.take.at != returning || !s.take.back.gave()) || s.at == staying ||
			s.at == returning && !s.back.gave())
	}
	return false
}

// writes tells whether the process believes that it may write: a RWMutex's owner may
// wait for readers still.
func (p *process) writes() bool {
	return p.does == holds || p.does == vacates && (p.vacating.at == staying || p.vacating.at == emerging)
}

// reading tells whether the process believes that it may read.
func (p *process) reading() bool {
	switch p.does {
	case reads:
		return true
	case shares:
		return p.sharing.took
	case withdraws:
		return p.sharing.at == withdrawing
	case vacates:
		return p.stays && p.vacating.at != staying && p.vacating.at != emerging
	}
	return false
}

// counted tells whether a writer has to wait for the process.
func (p *process) counted() bool {
	switch p.does {
	case shares:
		return p.reading() || p.sharing.at == facing || p.sharing.at == heeding || p.sharing.at == withdrawing
	}
	return p.reading()
}

func (u *unlocking) gave() bool { return u.at == waking || u.at == done }

// atDoor tells whether the process waits to join.
func (p *process) atDoor() bool { return p.does == enters && p.entry.at == knocking }

// A call is what can come of an access that can end in more ways than one.
type call uint8

const (
	usual call = iota
	refused
	cancelled
	looksAgain
)

// Errors of the model.
var (
	errRefused   = fmt.Errorf("GETVAL is refused")
	errCancelled = fmt.Errorf("the context has ended")
)

// An access is one access of a process to what is shared.
type access struct {
	*world
	*model
	who     int
	at      place // of the machine
	call    call
	blocked bool // it has to wait
}

var _ interface {
	words
	mutex
	rwmutex
	roll
} = (*access)(nil)

func (a *access) load() uint32 { return a.world.word }

func (a *access) swap(old, new uint32) bool {
	if a.world.word != old {
		return false
	}
	a.world.word = new
	return true
}

func (a *access) marked() uint32     { return a.marks }
func (a *access) mark(mark uint32)   { a.marks |= mark }
func (a *access) unmark(mark uint32) { a.marks &^= mark }
func (a *access) countRecovery()     {}

func (a *access) abandon() {
	if a.rw == "" {
		a.marks |= abandonedMark
		return
	}
	marks := orphaned(a.marks)
	if a.orphaned != nil {
		marks = a.orphaned(a.marks)
	}
	a.marks = marks
}

func (a *access) own() *uint32 { return &a.crowds[slotOf(a.process[a.who].me)] }

func (a *access) used() int             { return int(a.world.used) }
func (a *access) crowd(slot int) uint32 { return a.crowds[slot] }
func (a *access) admit(delta int)       { *a.own() = admitted(*a.own(), delta) }

func (a *access) count(delta int) uint32 {
	*a.own() += uint32(delta)
	return *a.own()
}

func (a *access) forget(slot int, seen uint32) {
	if a.crowds[slot] == seen {
		a.crowds[slot] &= inside
	}
}

// A Count is what package event explores for itself: here one step tells all who have
// announced themselves.
func (a *access) announce(n news) event.Seen {
	p := &a.process[a.who]
	p.listens, p.on, p.heard = true, n, false
	a.awaited[n] = true
	return 0
}

func (a *access) tell(n news) {
	if !a.awaited[n] {
		return
	}
	a.awaited[n] = false
	for i := range a.process {
		if p := &a.process[i]; p.listens && p.on == n {
			p.heard = true
		}
	}
}

func (a *access) await(news, event.Seen) error {
	p := &a.process[a.who]
	if a.call == cancelled {
		return errCancelled
	}
	if !p.heard && a.call != looksAgain {
		a.blocked = true
		return nil
	}
	p.listens, p.on, p.heard = false, 0, false
	return nil
}

func (a *access) rwmutexes() int {
	if a.rw == "" {
		return 0
	}
	return 1
}

func (a *access) clearCrowd(_, slot int) { a.crowds[slot] = 0 }
func (a *access) widen(to int)           { a.world.used = max(a.world.used, uint8(to)) }

func (a *access) slots() int                                { return int(a.processes) }
func (a *access) mutexes() int                              { return 1 }
func (a *access) word(int) uint32                           { return a.world.word }
func (a *access) generation(slot int) uint32                { return a.generations[slot] }
func (a *access) setGeneration(slot int, generation uint32) { a.generations[slot] = generation }

func (a *access) free(from int) (int, error) {
	if a.setRemoved {
		return -1, sysv.ErrRemoved
	}
	for slot := from; slot < a.slots(); slot++ {
		if a.values[index(semaphore(slot))] == 0 {
			return slot, nil
		}
	}
	return -1, nil
}

func (a *access) value(of semaphore) (int, error) {
	switch {
	case a.setRemoved:
		return 0, sysv.ErrRemoved
	case a.call == refused:
		return 0, errRefused
	}
	return int(a.values[index(of)]), nil
}

// try performs the operations in their order, all of them or none.
func (a *access) try(do ops) (bool, error) {
	if a.setRemoved {
		return false, sysv.ErrRemoved
	}
	values, undo := a.values, a.process[a.who].undo
	for _, o := range do {
		value := int(values[index(o.of)]) + o.delta
		switch {
		case value < 0, o.delta == 0 && value != 0:
			return false, nil
		case value > a.highest:
			return false, syscall.ERANGE
		}
		values[index(o.of)] = int8(value)
		if o.undo {
			undo[index(o.of)] -= int8(o.delta)
		}
	}
	a.values, a.process[a.who].undo = values, undo
	return true, nil
}

func (a *access) wait(do ops) (bool, error) {
	switch {
	case a.setRemoved:
		return false, sysv.ErrRemoved
	case a.call == cancelled:
		return false, errCancelled
	case a.call == looksAgain:
		return false, nil
	}
	done, err := a.try(do)
	a.blocked = !done && err == nil
	return done, err
}

// undo is what a process's end does to a semaphore. It goes as far as it can
// where semop would wait or fail.
func (m *model) undo(w *world, p *process, of semaphore) {
	i := index(of)
	if !w.setRemoved {
		w.values[i] = int8(min(max(int(w.values[i])+int(p.undo[i]), 0), m.highest))
	}
	p.undo[i] = 0
}

func (m *model) undoAll(w *world, p *process) {
	for of := tokens; of < mostProcesses; of++ {
		m.undo(w, p, of)
	}
}

// stuck tells whether a process is in the middle of a call in which it can't go on,
// though nobody is stopped whom it has to wait for.
func (w *world) stuck() bool {
	return slices.ContainsFunc(w.process[:], func(p process) bool {
		if p.stopped || !p.inCall() {
			return false
		}
		return !slices.ContainsFunc(w.process[:], func(q process) bool {
			atDoor := q.does == enters && q.entry.at != knocking
			waits := p.does == locks || p.does == shares
			return q.stopped && (q.owns() && waits || q.counted() && (p.does == empties || waits && w.emptied()) || atDoor && p.atDoor())
		})
	})
}

// emptied tells whether a writer waits until nobody reads.
func (w *world) emptied() bool {
	return slices.ContainsFunc(w.process[:], func(p process) bool { return p.does == empties })
}

// broken is what w breaks by itself.
func (w *world) broken() property {
	owners := 0
	for i := range w.process {
		p := &w.process[i]
		if p.owns() {
			owners++
			if w.word&^waiters != p.me {
				return mutualExclusion
			}
		}
		for j := range w.process {
			if j != i && p.writes() && w.process[j].reading() {
				return mutualExclusion
			}
		}
		for j := range w.process[:i] {
			if q := &w.process[j]; p.joined && q.joined && slotOf(p.me) == slotOf(q.me) {
				return slotForEach
			}
		}
	}
	if owners > 1 {
		return mutualExclusion
	}
	return ""
}

func (w world) String() string {
	s := fmt.Sprintf("word %-7v tokens %d  door %d  alive %d  generations %d",
		wordName(w.word), w.values[index(tokens)], w.values[index(door)], w.values[index(0):], w.generations)
	for _, is := range []struct {
		so   bool
		what string
	}{
		{w.marks&longWaitMark != 0, "long wait"},
		{w.marks&abandonedMark != 0, "abandoned"},
		{w.marks&removedMark != 0, "removed"},
		{w.abandoned, "an owner ended"},
		{w.due, "due"},
		{w.told, "told"},
		{w.setRemoved, "the set is gone"},
		{w.marks&openMark != 0, "open"},
		{w.marks&inMark != 0, "in"},
		{w.used > 0, fmt.Sprintf("crowds %#x awaited %v", w.crowds, w.awaited)},
	} {
		if is.so {
			s += "  " + is.what
		}
	}
	return s
}

func wordName(w uint32) string {
	switch w {
	case 0:
		return "0"
	case kept:
		return "W"
	case removed:
		return "R"
	}
	s := fmt.Sprintf("%d.%d", slotOf(w), generationOf(w))
	if w&waiters != 0 {
		s += "|W"
	}
	return s
}

var activityNames = strings.Fields("nothing halfEnded outside idles JOIN ARM LOCK holds UNLOCK LEAVE REMOVE WATCH RLOCK reads RUNLOCK EMPTY VACATE")

func (a activity) String() string { return activityNames[a] }

var placeNames = strings.Fields(`beginning done
	knocking picking numbering passing clearing widening raising living closing
	counting draining promising
	trying looking entering claiming ending marking asking comparing succeeding dirtying recording saying sleeping handing reading returning
	freeing judging giving waking
	visiting facing heeding withdrawing calling peeking announcing admitting thanking inheriting staying telling
	measuring viewing opening forgetting barring occupying
	emerging
	condemning shutting
	quitting disarming`)

func (p place) String() string { return placeNames[p] }

func (c call) String() string {
	return [...]string{"", ": refused", ": cancelled", ": looks again"}[c]
}

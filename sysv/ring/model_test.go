//go:build sysvipc_steps

package ring

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// The exploration goes through the package's own code. A process of a model runs a
// method up to its next access to what is shared, and then any process may go on, or
// one that has just changed something may die. To go on is to begin the method
// again, to be answered what it was answered before, and to make one access more: so
// what a process knows is the answers that it had.

const (
	lines    = 6 // of shared
	cellsMax = 4
	unitsMax = 16
	wordsMax = (lines+cellsMax)*line/4 + 2*unitsMax*2 + procsMax

	procsMax   = 4
	recordsMax = 4
)

// A stage is the call that a process of the model is in, or about to make.
type stage uint8

const (
	ended stage = iota
	died
	away // it does something else for good
	// Of producers.
	sending
	waitingForRoom
	checkingRoom
	sleepingFull
	writing
	committing
	ringing
	beginning
	finishing
	// Of consumers.
	taking
	acting
	leaving
	obtaining
	waitingForWork
	looking
	sleepingEmpty
)

// A held record is one that was delivered to a process.
type held struct {
	opened
	number int8 // of the ghost
}

// A process is what one process knows.
type process struct {
	stage    stage
	next     uint8 // which of its actions
	lease    int8  // -1 for none
	seen     uint32
	at       uint32
	held     [2]held
	has      uint8 // so many of held
	target   uint8 // which it is about to be done with
	thorough bool
	started  bool // with a record that it gives to others
	changed  bool // its last access changed something: it makes a difference whether it dies now
	answers  string
}

// A ghost is a record as the ledger knows it.
type ghost struct {
	known      bool // that it is in the ring
	committed  bool
	discarded  bool
	at, end    uint32
	deliveries uint8
	requeues   uint8
	holder     int8 // -1 for none
	done       bool
}

type world struct {
	words   string
	process [procsMax]process
	ghost   [recordsMax]ghost
	owner   [2]int8 // of the mutexes, producers' and consumers': -1 for none
	unclean [2]bool // abandoned and not repaired
	deaths  uint8   // so many are left
	anyDied bool
	early   uint32 // what a mutant has seen too early
}

// An action of a producer.
type action struct {
	number  uint8 // of the record
	units   uint8 // with its header
	reserve bool
	discard bool
}

type consumerKind uint8

const (
	plain    consumerKind = iota
	requeues              // each record once, the first time
	goesAway              // after its first record, with its lease
	pairs                 // does the second of two first
)

// A prelude is what comes before everything else: a process goes on, alone, up to a
// stage, and perhaps dies there.
type prelude struct {
	who   int
	until stage
	next  uint8  // of its actions
	op    uint32 // of the journal
	mid   int    // so many answers in that call
	dies  bool
}

type scenario struct {
	name      string
	cells     int
	finishes  bool   // producers call Finish, and consumers end with io.EOF
	limit     uint32 // of attempts
	aside     uint32 // units for what is set aside, unitsMax if 0
	units     uint32 // of the ring
	most      uint32 // of a lease
	first     uint32 // position
	producers [][]action
	consumers []consumerKind
	before    []prelude
	stops     bool // for good, of any one, at any step
	deaths    uint8
	mayDie    func(process int) bool
}

type model struct {
	scenario
	// fault changes what an access does; see mutants.
	fault func(r *run, a access, w *word, old, new uint32) (answer uint32, instead bool)

	buffer []uint32
	mem    memory
	live   []int // the words that are used, as indices of buffer
}

func newModel(in scenario) *model {
	m := &model{scenario: in, buffer: make([]uint32, wordsMax)}
	m.mem.shared = (*shared)(unsafe.Pointer(&m.buffer[0]))
	cellsAt := int(unsafe.Sizeof(shared{})) / 4
	m.mem.cells = unsafe.Slice((*cell)(unsafe.Pointer(&m.buffer[cellsAt])), in.cells)
	ringAt := cellsAt + in.cells*line/4
	m.mem.ring = unsafe.Pointer(&m.buffer[ringAt])
	m.mem.size = in.units
	m.mem.aside.ring = unsafe.Pointer(&m.buffer[ringAt+int(in.units)*2])
	producingAt := ringAt + int(in.units)*2 + unitsMax*2
	m.mem.producing = unsafe.Slice((*word)(unsafe.Pointer(&m.buffer[producingAt])), procsMax)
	m.mem.aside.size, m.mem.limit = unitsMax, in.limit
	if in.aside != 0 {
		m.mem.aside.size = in.aside
	}
	add := func(w *word) { m.live = append(m.live, m.index(w)) }
	s := m.mem.shared
	for _, w := range []*word{&s.tail, &s.head, &s.read, &s.moves, &s.used, &s.journal.op, &s.journal.cell, &s.journal.other,
		&s.journal.at, &s.journal.valueOf, &s.journal.value, &s.asideTail, s.notEmpty.word(), s.notFull.word()} {
		add(w)
	}
	for i := range m.mem.cells {
		c := &m.mem.cells[i]
		for _, w := range []*word{&c.owner, &c.base, &c.to, &c.alone, &c.from, &c.given} {
			add(w)
		}
	}
	if in.finishes {
		add(&s.ended)
		for i := range m.mem.producing {
			add(&m.mem.producing[i])
		}
	}
	for i := range int(in.units) * 2 {
		m.live = append(m.live, ringAt+i)
	}
	return m
}

func (m *model) index(w *word) int {
	return int(uintptr(unsafe.Pointer(w))-uintptr(unsafe.Pointer(&m.buffer[0]))) / 4
}

func (m *model) start() world {
	clear(m.buffer)
	s := m.mem.shared
	s.tail.v.Store(m.first)
	s.head.v.Store(m.first)
	s.read.v.Store(m.first)
	w := world{owner: [2]int8{-1, -1}, deaths: m.deaths, words: m.save()}
	for i := range w.process {
		p := &w.process[i]
		p.lease = -1
		switch {
		case i < len(m.producers):
			if p.stage = sending; m.finishes {
				p.stage = beginning
			}
		case i < len(m.producers)+len(m.consumers):
			p.stage = obtaining
		}
	}
	for i := range w.ghost {
		w.ghost[i].holder = -1
	}
	for _, b := range m.before {
		for p := &w.process[b.who]; p.stage != b.until || p.next < b.next || (p.answers != "") != (b.op != 0 || b.mid > 0) || len(p.answers) < 4*b.mid || m.op(&w) != b.op; {
			if r := (&run{model: m, w: &w, who: b.who}); !r.step() || r.broken != "" {
				panic(fmt.Sprintf("process %d does not come to %v: %s", b.who, b.until, r.broken))
			}
		}
		if b.dies {
			m.kill(&w, b.who)
		}
	}
	return w
}

// op is what the journal says is in the making.
func (m *model) op(w *world) uint32 {
	m.restore(w.words)
	return m.mem.journal.op.v.Load()
}

func (m *model) kill(w *world, who int) {
	w.anyDied = true
	w.process[who] = process{stage: died, lease: -1}
}

func (m *model) save() string {
	b := make([]byte, 0, 4*len(m.live))
	for _, i := range m.live {
		b = binary.LittleEndian.AppendUint32(b, m.buffer[i])
	}
	return string(b)
}

func (m *model) restore(words string) {
	for k, i := range m.live {
		m.buffer[i] = uint32(words[4*k]) | uint32(words[4*k+1])<<8 | uint32(words[4*k+2])<<16 | uint32(words[4*k+3])<<24
	}
}

// A run is one move of a process.
type run struct {
	*model
	w       *world
	who     int
	p       *process
	known   string // answers, still to be given again
	answers []byte
	acted   bool // it has made its access
	wakes   bool // without a reason
	broken  string
	what    string
	tells   bool // what it does
}

type stop struct{ blocked bool }

func (r *run) each(a access, w *word, old, new uint32) uint32 {
	if len(r.known) > 0 {
		answer := binary.LittleEndian.Uint32([]byte(r.known[:4]))
		r.known = r.known[4:]
		return answer
	}
	visible := a != gets && a != puts
	if visible && r.acted {
		panic(stop{})
	}
	answer := r.access(a, w, old, new)
	if visible {
		r.acted = true
		if r.tells {
			r.what = fmt.Sprintf("%v %s", a, r.name(w))
		}
	}
	r.answers = binary.LittleEndian.AppendUint32(r.answers, answer)
	return answer
}

func (r *run) access(a access, w *word, old, new uint32) uint32 {
	if r.fault != nil {
		if answer, instead := r.fault(r, a, w, old, new); instead {
			return answer
		}
	}
	return r.really(a, w, old, new)
}

func (r *run) really(a access, w *word, old, new uint32) uint32 {
	switch a {
	case loads, gets:
		return w.v.Load()
	case puts:
		w.v.Store(new)
		r.wrote(w)
	case stores:
		r.changing(w, new)
		w.v.Store(new)
		r.wrote(w)
	case swaps:
		if w.v.Load() != old {
			return 0
		}
		r.p.changed = true
		w.v.Store(new)
		r.delivers(w, old, new)
		return 1
	case announces: // one mark does: what package event promises is explored there
		r.p.changed = true
		w.v.Store(w.v.Load() | 1)
		return w.v.Load() >> 2
	case listens:
		return w.v.Load() & 1
	case rings:
		r.p.changed = true
		w.v.Store((w.v.Load()>>2 + 1) & 7 << 2)
	case awaits:
		if w.v.Load()>>2 == old && !r.wakes {
			panic(stop{blocked: true})
		}
	case locks, tries:
		owner := &r.w.owner[new]
		if *owner >= 0 {
			if r.w.process[*owner].stage != died {
				if a == tries {
					return gotNothing
				}
				panic(stop{blocked: true})
			}
			r.w.unclean[new] = true
		}
		*owner = int8(r.who)
		r.p.changed = true
		if r.w.unclean[new] {
			return gotAbandoned
		}
		return got
	case unlocks:
		r.w.owner[new] = -1
		r.p.changed = true
	case repairs:
		r.w.unclean[new] = false
		r.p.changed = true
	case asks:
		if r.w.process[new>>20-1].stage == died {
			return 1
		}
	}
	return 0
}

// wrote checks that what is in the ring belongs to nobody who needs it.
func (r *run) wrote(w *word) {
	ringAt := uintptr(unsafe.Pointer(w)) - uintptr(r.mem.ring)
	if ringAt >= uintptr(r.units)*unit || r.p.stage != sending {
		return
	}
	for i := range r.w.ghost {
		if g := &r.w.ghost[i]; g.known && !g.done && !g.discarded {
			if off := (uint32(ringAt/unit) - g.at) & (r.units - 1); off < g.end-g.at {
				r.broken = fmt.Sprintf("%s: record %d", neededIsKept, i)
			}
		}
	}
}

// changing keeps the ledger.
func (r *run) changing(w *word, new uint32) {
	r.p.changed = true
	s := r.mem.shared
	switch r.p.stage {
	case sending:
		if w == &s.tail {
			a := r.action()
			g := &r.w.ghost[a.number]
			g.known, g.at, g.end, g.committed = true, new-uint32(a.units), new, !a.reserve
			if a.reserve {
				g.holder = int8(r.who)
			}
		}
	case committing:
		a := r.action()
		g := &r.w.ghost[a.number]
		if w == &r.mem.record(g.at).state {
			g.committed, g.discarded, g.holder = !a.discard, a.discard, -1
		}
	case obtaining:
		if w == &s.read { // which makes a claim, and delivers its first record
			for i := range r.mem.cells {
				c := &r.mem.cells[i]
				if c.owner.v.Load() == uint32(r.who+1)<<20 && c.to.v.Load() == new {
					r.deliverUpTo(c, c.base.v.Load(), span{c.base.v.Load(), new}.delivered(c.given.v.Load()))
				}
			}
		}
		if w == &s.asideTail {
			if g := r.givesUp(); g.done {
				r.broken = neverAfterDone
			} else {
				g.done = true
			}
		}
		if r.p.has > 0 && w == &r.mem.record(r.p.held[r.p.has-1].at).state && new&taken != 0 && new&kinds == committed {
			r.givesUp() // it gets stuck
		}
	case acting:
		h := &r.p.held[r.p.target]
		g := &r.w.ghost[h.number]
		isState := w == &r.mem.record(h.at).state
		if isState && new&kinds == committed {
			if g.holder == int8(r.who) {
				g.holder = -1
				g.requeues++
			}
			break
		}
		c := &r.mem.cells[r.p.lease]
		if !r.p.started && (w == &c.owner || w == &c.from || isState) {
			g.done, g.holder = true, -1
		}
	}
}

// givesUp is for a record that this process has taken and is not given.
func (r *run) givesUp() *ghost {
	r.p.has--
	g := &r.w.ghost[r.p.held[r.p.has].number]
	r.p.held[r.p.has] = held{}
	g.holder = -1
	return g
}

func (r *run) action() action { return r.producers[r.who][r.p.next] }

func (r *run) member() *member {
	return &member{memory: r.mem, producers: mutex{number: 0}, consumers: mutex{number: 1}, me: uint32(r.who+1) << 20, most: r.most,
		dead: func(word uint32) (bool, error) { return each(asks, nil, 0, word) != 0, nil }}
}

// step lets a process make its next access.
func (r *run) step() (possible bool) {
	r.restore(r.w.words)
	r.p = &r.w.process[r.who]
	r.known, r.answers = r.p.answers, []byte(r.p.answers)
	r.p.changed = false
	each, copyingByWords = r.each, true
	finished := false
	func() {
		defer func() {
			if s := recover(); s != nil {
				st, ok := s.(stop)
				if !ok {
					panic(s)
				}
				possible = !st.blocked
			}
		}()
		r.call()
		possible, finished = true, true
	}()
	if !possible {
		return false
	}
	r.p.answers = string(r.answers)
	if finished {
		r.p.answers = ""
	}
	r.w.words = r.save()
	return true
}

var background = context.Background()

func (r *run) must(err error) {
	if err != nil {
		r.broken = err.Error()
	}
}

// call makes the call of the process's stage, and then sets the next.
func (r *run) call() {
	q, p := r.member(), r.p
	switch p.stage {
	case sending:
		a := r.action()
		var ok bool
		var err error
		if a.reserve {
			p.at, ok, err = q.beginRecord(background, uint32(a.units-1)*unit)
		} else {
			data := make([]byte, int(a.units-1)*unit)
			for i := 0; i < len(data); i += 4 {
				binary.NativeEndian.PutUint32(data[i:], uint32(a.number)+1)
			}
			ok, err = q.send(background, data)
		}
		r.must(err)
		switch {
		case !ok:
			p.stage = waitingForRoom
		case a.reserve:
			p.stage = writing
		default:
			r.nextAction()
		}
	case waitingForRoom:
		p.seen = uint32(q.notFull.announce())
		p.stage = checkingRoom
	case checkingRoom:
		if q.roomFor(uint32(r.action().units)) {
			p.seen, p.stage = 0, sending
		} else {
			p.stage = sleepingFull
		}
	case sleepingFull:
		r.must(q.notFull.await(background, eventSeen(p.seen)))
		p.seen, p.stage = 0, sending
	case writing:
		a := r.action()
		for i := range uint32(a.units-1) * 2 {
			r.word(p.at, unit+4*i).store(uint32(a.number) + 1)
		}
		p.stage = committing
	case committing:
		if a := r.action(); a.discard {
			q.discard(p.at)
		} else {
			q.commit(p.at)
		}
		p.at = 0
		p.stage = ringing
	case beginning:
		q.produce()
		p.stage = sending
	case finishing:
		q.endProducing()
		*p = process{stage: ended, lease: -1}
	case ringing:
		q.notEmpty.ring()
		r.nextAction()

	case obtaining:
		how := quickly
		if p.thorough {
			how = thoroughly
		}
		i, _, ok, err := q.obtain(background, how)
		if err == io.EOF {
			for i := range r.w.ghost {
				if g := &r.w.ghost[i]; g.committed && !g.done {
					r.broken = endComesLast
				}
			}
			*p = process{stage: ended, lease: -1}
			return
		}
		r.must(err)
		p.stage = waitingForWork
		p.thorough = false
		if ok {
			p.lease, p.stage = int8(i), acting
			if r.kind() == pairs {
				p.stage = taking // a second one, if it can
			}
			r.plan()
		} else if p.seen != 0 {
			p.seen = 0
		}
	case waitingForWork:
		p.seen = uint32(q.notEmpty.announce())
		p.stage = looking
	case looking:
		ok, err := q.look()
		r.must(err)
		p.stage = sleepingEmpty
		if ok {
			p.seen, p.stage, p.thorough = 0, obtaining, true
		}
	case sleepingEmpty:
		r.must(q.notEmpty.await(background, eventSeen(p.seen)))
		p.seen, p.stage = 0, obtaining
	case taking:
		open, err := q.take(uint32(p.lease), nil, int(2-p.has))
		r.must(err)
		switch {
		case len(open) > 0 || p.has > 0:
			p.stage = acting
		default:
			p.stage = leaving
		}
		r.plan()
	case acting:
		if p.has == 0 {
			r.broken = onlyCommitted
			return
		}
		l := r.lease()
		h := p.held[p.target]
		var over bool
		if p.started || r.kind() == requeues && r.w.ghost[h.number].requeues == 0 {
			p.started = true
			var found, ok bool
			var err error
			found, ok, over, err = q.hand(background, l, keyOf(h.at, h.serial))
			r.must(err)
			if !found || !ok {
				r.broken = "no cell to requeue"
			}
			p.started = false
		} else {
			over = q.acknowledge(l, l.find(keyOf(h.at, h.serial)))
			q.madeRoom(over)
		}
		r.keep(l, h, over)
	case leaving:
		q.leave(uint32(p.lease))
		p.lease, p.stage = -1, obtaining
	}
}

// lease is what a consumer knows of its lease.
func (r *run) lease() *lease {
	l := &lease{cell: uint32(r.p.lease)}
	for _, h := range r.p.held[:r.p.has] {
		l.open = append(l.open, h.opened)
	}
	return l
}

// plan says what a consumer does next, who has a lease and perhaps records.
func (r *run) plan() {
	p := r.p
	if p.has == 0 {
		return
	}
	p.target = p.has - 1
	for p.held[p.target].over {
		p.target--
	}
}

// keep is what a consumer knows of a lease after it has done something about h.
func (r *run) keep(l *lease, h held, over bool) {
	p := r.p
	numbers := map[uint32]int8{}
	for _, h := range p.held[:p.has] {
		numbers[h.at] = h.number
	}
	p.held, p.has, p.target = [2]held{}, 0, 0
	switch {
	case r.kind() == goesAway:
		p.stage = away
		return
	case over:
		p.lease, p.stage = -1, obtaining
		return
	}
	for i, o := range l.open[l.next:] {
		p.held[i] = held{o, numbers[o.at]}
		p.has++
	}
	p.stage = taking
	if p.has > 0 {
		p.stage = acting
		r.plan()
	}
}

func (r *run) kind() consumerKind { return r.consumers[r.who-len(r.producers)] }

func (r *run) word(at, off uint32) *word {
	return (*word)(unsafe.Add(unsafe.Pointer(r.mem.record(at)), off))
}

func (r *run) nextAction() {
	r.p.next++
	r.p.stage = sending
	if int(r.p.next) < len(r.producers[r.who]) {
		return
	}
	if r.p.stage = finishing; !r.finishes {
		*r.p = process{stage: ended, lease: -1}
	}
}

const (
	neededIsKept    = "what somebody needs is not written over"
	wholeRecords    = "records are delivered whole"
	neverAfterDone  = "nothing is delivered again after Done"
	onceAtATime     = "a record is with one consumer at a time"
	attemptsAreTold = "attempts are deliveries"
	onlyCommitted   = "nothing is delivered that is not committed"
	exactlyOnePlace = "a record is in exactly one place"
	endComesLast    = "io.EOF comes after everything is done"
)

// delivers keeps the ledger where a consumer goes on in a lease that is his.
func (r *run) delivers(w *word, old, new uint32) {
	for i := range r.mem.cells {
		c := &r.mem.cells[i]
		if w != &c.given || new>>16 <= old>>16 || c.owner.v.Load() != uint32(r.who+1)<<20 {
			continue
		}
		s := span{c.base.v.Load(), c.to.v.Load()}
		r.deliverUpTo(c, s.delivered(old), s.delivered(new))
	}
}

// deliverUpTo is for the records of a lease between two positions.
func (r *run) deliverUpTo(c *cell, from, upTo uint32) {
	for k := range r.w.ghost {
		g := &r.w.ghost[k]
		if !g.known || int32(g.at-from) < 0 || int32(g.end-upTo) > 0 {
			continue
		}
		rec := r.mem.record(g.at)
		if state := rec.state.v.Load(); r.mem.leftInTest(c, state) {
			r.deliver(g.at, rec.length.v.Load(), state)
		}
	}
}

func (m *memory) leftInTest(c *cell, state uint32) bool {
	return state&kinds == committed && (state&taken == 0 || c.alone.v.Load() != 0)
}

func (r *run) deliver(at, length, state uint32) {
	for i := range r.w.ghost {
		g := &r.w.ghost[i]
		if !g.known || g.at != at {
			continue
		}
		if units(length) != g.end-g.at {
			r.broken = wholeRecords
		}
		for k := range uint32(length / 4) {
			if r.word(at, unit+4*k).v.Load() != uint32(i)+1 {
				r.broken = wholeRecords
			}
		}
		switch {
		case !g.committed:
			r.broken = onlyCommitted
		case g.done:
			r.broken = neverAfterDone
		case g.holder >= 0 && r.w.process[g.holder].stage != died:
			r.broken = onceAtATime
		case attempts(state) != uint32(g.deliveries):
			r.broken = attemptsAreTold
		}
		g.deliveries++
		g.holder = int8(r.who)
		r.p.held[r.p.has] = held{opened{delivery: delivery{at, length, state}}, int8(i)}
		r.p.has++
		return
	}
	r.broken = onlyCommitted
}

// check is what must be so in each state.
func (m *model) check(w *world) string {
	m.restore(w.words)
	s := m.mem.shared
	if s.moves.v.Load()&1 != 0 || w.owner[1] >= 0 {
		return "" // somebody is about to change that
	}
	read := s.read.v.Load()
	for i := range w.ghost {
		g := &w.ghost[i]
		if !g.known || !g.committed || g.done {
			continue
		}
		places := 0
		if int32(g.at-read) >= 0 {
			places++
		}
		for k := range m.mem.cells {
			c := &m.mem.cells[k]
			if c.owner.v.Load() == 0 {
				continue
			}
			sp := span{c.base.v.Load(), c.to.v.Load()}
			from, end := c.from.v.Load(), sp.end(c.given.v.Load())
			if int32(g.at-from) >= 0 && int32(end-g.at) > 0 {
				state := m.mem.record(g.at).state.v.Load()
				if state&taken == 0 || c.alone.v.Load() != 0 {
					places++
				}
			}
		}
		if places != 1 {
			return fmt.Sprintf("%s: record %d in %d", exactlyOnePlace, i, places)
		}
	}
	return ""
}

// good tells whether nothing is left to do, or nobody to do it, but for one who is
// stopped.
func (m *model) good(w *world, stopped int) bool {
	consumers := 0
	for i := range m.consumers {
		st := w.process[len(m.producers)+i].stage
		if m.finishes && st != died && st != ended && st != away {
			return false
		}
		if st != died && st != away && len(m.producers)+i != stopped {
			consumers++
		}
	}
	if consumers == 0 && !m.finishes {
		return true
	}
	for i := range m.producers {
		if st := w.process[i].stage; st != died && st != ended && i != stopped {
			return false
		}
	}
	for i := range w.ghost {
		if g := &w.ghost[i]; g.known && g.committed && !g.done && !m.stuck(w, g) {
			return false
		}
	}
	return true
}

// stuck tells whether a record waits for room where it is to be set aside, which nobody
// makes here.
func (m *model) stuck(w *world, g *ghost) bool {
	m.restore(w.words)
	for i := range m.mem.cells {
		if c := &m.mem.cells[i]; c.owner.v.Load() == stuck && c.base.v.Load() == g.at {
			return true
		}
	}
	return false
}

func (m *model) moves(w *world, tells bool) (all []move[world]) {
	for i := range len(m.producers) + len(m.consumers) {
		p := &w.process[i]
		if p.stage == ended || p.stage == died || p.stage == away {
			continue
		}
		for _, wakes := range []bool{false, true} {
			if wakes && !((w.anyDied || m.stops) && (p.stage == sleepingEmpty || p.stage == sleepingFull)) {
				continue
			}
			to := *w
			r := &run{model: m, w: &to, who: i, wakes: wakes, tells: tells}
			if r.step() {
				if tells {
					r.what = fmt.Sprintf("%v: %s%s", p.stage, r.what, m.show(&to))
				}
				all = append(all, move[world]{to, i, r.what, r.broken})
				break
			}
		}
		if w.deaths > 0 && (p.changed || p.answers == "") && (m.mayDie == nil || m.mayDie(i)) {
			to := *w
			to.deaths--
			m.kill(&to, i)
			all = append(all, move[world]{to, i, "dies", ""})
		}
	}
	return all
}

func (m *model) stoppable() (actors int) {
	if m.stops {
		actors = len(m.producers) + len(m.consumers)
	}
	return actors
}

// holdsUp tells whether a process has what others have to wait for, for as long as
// it is stopped: one of the mutexes, or a record that it is writing or was given.
func (m *model) holdsUp(w *world, who int) bool {
	if w.owner[0] == int8(who) || w.owner[1] == int8(who) {
		return true
	}
	for i := range w.ghost {
		if w.ghost[i].holder == int8(who) {
			return true
		}
	}
	return false
}

// show is what is shared, in one line.
func (m *model) show(w *world) string {
	m.restore(w.words)
	s := m.mem.shared
	out := fmt.Sprintf("   tail %d read %d moves %d op %d owners %v", s.tail.v.Load(), s.read.v.Load(), s.moves.v.Load(), s.journal.op.v.Load(), w.owner)
	for i := range m.mem.cells {
		if c := &m.mem.cells[i]; c.owner.v.Load() != 0 {
			g := c.given.v.Load()
			out += fmt.Sprintf(" [%d: %#x %d from %d given %d/%d]", i, c.owner.v.Load(), c.base.v.Load(), c.from.v.Load(), g>>16, g&0xffff)
		}
	}
	return out
}

func (m *model) name(w *word) string {
	if w == nil {
		return ""
	}
	s := m.mem.shared
	names := map[*word]string{&s.tail: "tail", &s.head: "head", &s.read: "read", &s.moves: "moves", &s.used: "used", &s.journal.op: "op",
		&s.journal.at: "journal.at", &s.journal.value: "journal.value", &s.journal.valueOf: "journal.valueOf", s.notEmpty.word(): "notEmpty", s.notFull.word(): "notFull"}
	if n, ok := names[w]; ok {
		return n
	}
	for i := range m.mem.cells {
		c := &m.mem.cells[i]
		for n, x := range map[string]*word{"owner": &c.owner, "base": &c.base, "to": &c.to, "from": &c.from, "given": &c.given} {
			if x == w {
				return fmt.Sprintf("cell %d's %s", i, n)
			}
		}
	}
	return "the ring"
}

func (a access) String() string {
	return strings.Fields("loads stores swaps gets puts announces listens rings awaits locks tries unlocks repairs asks")[a]
}

func (s stage) String() string {
	return strings.Fields("ended died away sending waitingForRoom checkingRoom sleepingFull writing committing ringing beginning finishing taking acting leaving obtaining waitingForWork looking sleepingEmpty")[s]
}

// one is a record of 1 unit and its header.
func one(number uint8) action { return action{number: number, units: 2} }

// long is a record that leaves room for one of its kind in 8 units, and padding.
func long(number uint8) action { return action{number: number, units: 3} }

func reserves(number uint8) action { return action{number: number, units: 2, reserve: true} }
func discards(number uint8) action {
	return action{number: number, units: 2, reserve: true, discard: true}
}

// from lets n consumers die after so many producers.
func from(producers, n int) func(int) bool {
	return func(process int) bool { return process >= producers && process < producers+n }
}

// aboutToWrap is a position from which two records come round.
const aboutToWrap = 1<<32 - 4

var scenarios = []scenario{
	{name: "one to one", cells: 3, units: 8, most: 4, producers: [][]action{{one(0), one(1)}}, consumers: []consumerKind{plain}, first: aboutToWrap},
	{name: "room", cells: 3, units: 8, most: 4, producers: [][]action{{long(0), long(1), long(2)}}, consumers: []consumerKind{plain}},
	{name: "a death", cells: 3, units: 8, most: 4, producers: [][]action{{one(0)}}, consumers: []consumerKind{plain, plain}, before: sent, deaths: 1},
	{name: "a reservation behind another", cells: 3, units: 8, most: 4, producers: [][]action{{discards(0)}, {reserves(1)}}, consumers: []consumerKind{plain},
		before: []prelude{{who: 0, until: writing}, {who: 1, until: writing}}, deaths: 1, mayDie: from(1, 1)},
	{name: "reservations", cells: 3, units: 8, most: 4, producers: [][]action{{reserves(0)}, {one(1)}}, consumers: []consumerKind{plain}, deaths: 1},
	{name: "a reservation discarded", cells: 3, units: 8, most: 4, producers: [][]action{{discards(0), one(1)}}, consumers: []consumerKind{plain}},
	{name: "the second done first", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{pairs}},
	{name: "the second done first, and a death", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{pairs, plain},
		before: sent, deaths: 1, mayDie: from(1, 1)},
	{name: "who goes away", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{goesAway, plain}, before: sent},
	{name: "who delivers while another cuts", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{plain, plain}, before: sent},
	{name: "cut in the middle", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{goesAway, plain, plain},
		before: []prelude{{who: 0, until: ended}, {who: 1, until: away}}, deaths: 1},
	{name: "requeued", cells: 4, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{requeues}},
	{name: "requeued, and a death", cells: 4, units: 8, most: 4, producers: [][]action{{one(0)}}, consumers: []consumerKind{requeues, plain}, before: sent, deaths: 1},
	{name: "given again", cells: 3, units: 8, most: 4, producers: [][]action{{one(0)}}, consumers: []consumerKind{plain, plain, plain},
		before: []prelude{{who: 0, until: ended}, {who: 1, until: acting, dies: true}}, deaths: 1},
	{name: "room, and a cut into an earlier cell", cells: 3, units: 8, most: 4, producers: [][]action{{one(0), one(1), one(2), {number: 3, units: 6}}}, consumers: []consumerKind{plain, goesAway},
		before: []prelude{{who: 0, until: sending, next: 1}, {who: 1, until: acting}, {who: 0, until: sending, next: 3}, {who: 2, until: away}, {who: 1, until: obtaining}}},
	{name: "a consumer stopped", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{plain, plain}, before: sent, stops: true},
	{name: "a producer stopped", cells: 3, units: 8, most: 4, producers: [][]action{{one(0)}, {one(1)}}, consumers: []consumerKind{plain}, stops: true},
	{name: "room, after a death in a cut", cells: 3, units: 4, most: 4, producers: [][]action{{one(0), one(1), one(2)}}, consumers: []consumerKind{goesAway, plain, plain},
		before: []prelude{{who: 0, until: sending, next: 2}, {who: 1, until: away}, {who: 2, until: obtaining, op: cutting, dies: true}, {who: 0, until: waitingForRoom}}},
	{name: "set aside", cells: 3, units: 8, most: 4, limit: 1, producers: [][]action{two}, consumers: []consumerKind{plain, plain, plain},
		before: []prelude{{who: 0, until: ended}, {who: 1, until: acting, dies: true}}, deaths: 1},
	{name: "set aside, and no room for another", cells: 4, units: 8, most: 4, limit: 1, aside: 2, producers: [][]action{two}, consumers: []consumerKind{pairs, plain, plain},
		before: []prelude{{who: 0, until: ended}, {who: 1, until: acting, dies: true}}, deaths: 1},
	{name: "the end", cells: 3, units: 8, most: 4, finishes: true, producers: [][]action{{one(0)}, {one(1)}}, consumers: []consumerKind{plain},
		before: []prelude{{who: 0, until: finishing}, {who: 1, until: sending}}},
	{name: "the end, with a death", cells: 3, units: 8, most: 4, finishes: true, producers: [][]action{{one(0)}, {one(1)}}, consumers: []consumerKind{plain},
		before: []prelude{{who: 1, until: sending}, {who: 0, until: finishing}}, deaths: 1, mayDie: from(0, 2)},
	{name: "a full ring, and a cut", cells: 3, units: 4, most: 4, producers: [][]action{{one(0), one(1), one(2)}}, consumers: []consumerKind{goesAway, plain},
		before: []prelude{{who: 0, until: waitingForRoom}, {who: 1, until: away}}},
}

var two = []action{one(0), one(1)}

var sent = []prelude{{who: 0, until: ended}}

var largeScenarios = []scenario{
	{name: "a death, or one of the producer", cells: 3, units: 8, most: 4, producers: [][]action{{one(0)}}, consumers: []consumerKind{plain, plain}, deaths: 1},
	{name: "the end, of two at once", cells: 3, units: 8, most: 4, finishes: true, producers: [][]action{{one(0)}, {one(1)}}, consumers: []consumerKind{plain},
		before: []prelude{{who: 0, until: sending}, {who: 1, until: sending}}},
	{name: "the end, two consumers", cells: 3, units: 8, most: 4, finishes: true, producers: [][]action{{one(0)}}, consumers: []consumerKind{plain, plain},
		before: []prelude{{who: 0, until: finishing}}},
	{name: "room for four", cells: 3, units: 8, most: 4, producers: [][]action{{long(0), long(1), long(2), long(3)}}, consumers: []consumerKind{plain}},
	{name: "room for two", cells: 3, units: 8, most: 4, producers: [][]action{{long(0), one(1)}, {long(2)}}, consumers: []consumerKind{plain}, deaths: 1},
}

// These take minutes.
var hugeScenarios = []scenario{
	{name: "written over while another delivers", cells: 3, units: 8, most: 4, first: 6, producers: [][]action{{one(0), one(1), {number: 2, units: 6}, long(3)}}, consumers: []consumerKind{plain, plain},
		before: []prelude{{who: 0, until: sending, next: 2}, {who: 1, until: taking}, {who: 1, until: taking, mid: 3}, {who: 2, until: acting}, {who: 2, until: obtaining},
			{who: 0, until: sending, next: 3}, {who: 2, until: acting}}},
	{name: "two deaths", cells: 3, units: 8, most: 4, producers: [][]action{{one(0)}}, consumers: []consumerKind{plain, plain, plain}, before: sent, deaths: 2},
	{name: "two records, two consumers, a death", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{plain, plain}, before: sent, deaths: 1},
	{name: "two requeued, and a death", cells: 4, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{requeues, plain}, before: sent, deaths: 1},
	{name: "two that are sent while one goes away", cells: 3, units: 8, most: 4, producers: [][]action{two}, consumers: []consumerKind{goesAway, plain}},
}

func TestModel(t *testing.T) {
	all := scenarios
	switch os.Getenv("SYSVIPC_STORM") {
	case "tenth":
		all = slices.Concat(all, largeScenarios)
	case "full":
		all = slices.Concat(all, largeScenarios, hugeScenarios)
	}
	states := 0
	for _, in := range all {
		t.Run(in.name, func(t *testing.T) {
			x := explore(newModel(in))
			t.Logf("%d states", x.states)
			states += x.states
			if x.broken != "" {
				t.Errorf("not so: %s\n%s", x.broken, x.trace)
			}
		})
	}
	t.Logf("ring model: %d states in %d scenarios", states, len(all))
}

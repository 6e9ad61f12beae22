//go:build sysvipc_steps

package ring

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"testing"
	"unsafe"
)

// Producers send records whose words are all the record's number in the scenario.
// Consumers join, and take one after the other.

type feedAction struct {
	number, units    uint32
	reserve, discard bool
}

type feedConsumer uint8

const (
	plainConsumer feedConsumer = iota
	keepsTwo                   // is done with two at a time
	keepsOne                   // for good
	leavesFeed                 // after the first
)

// feedScene is a scenario.
type feedScene struct {
	lossy     bool
	units     uint32
	cursors   int
	first     uint32 // position
	late      uint32 // units
	finishes  bool
	producers [][]feedAction
	consumers []feedConsumer
	joined    bool // the consumers have joined when it begins

	m feedMemory
}

const (
	feedSending = actorStages + iota
	feedAnnouncingFull
	feedTrying
	feedSleepingFull
	feedWriting
	feedCommitting
	feedFinishing
	feedJoining
	feedTaking
	feedDone
	feedAnnouncingEmpty
	feedLooking
	feedSleepingEmpty
	feedLeaving
)

// What an actor knows: of producers
const (
	nextAction = iota
	itsAt
	itsCursor
	itsSeen
	itsLength
)

// and of consumers, behind a position or the numbers of a view.
const (
	consumerSeen = 7 + iota
	expects      // which record of the ledger comes next
	holdsOf      // the first record of the ledger that it is not done with, and one more; or 0
)

// The ledger has, for each record, its number and what has become of it, in the order of
// the ring, and how many there are.
const (
	ledgerCount = 12
)

const (
	stateCommitted = 1 << 8
	statePending   = 2 << 8
	stateDiscarded = 3 << 8
)

func feedScenery(s feedScene) *feedScene {
	slots := len(s.producers) + len(s.consumers)
	buffer := make([]uint64, feedSize(s.cursors, slots, s.units)/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&buffer[0])), len(buffer)*8)
	s.m = newFeedMemory(b, s.cursors, slots, s.units, s.lossy)
	s.m.late = s.late
	return &s
}

func (s *feedScene) names() (words []*word, names []string) {
	add := func(w *word, name string) {
		words, names = append(words, w), append(names, name)
	}
	m := &s.m
	add(&m.tail, "tail")
	add(m.notEmpty.word(), "notEmpty")
	if s.lossy {
		add(&m.starting, "starting")
		for i := range m.starts {
			for k, w := range []*word{&m.starts[i].at, &m.starts[i].atEra, &m.starts[i].number, &m.starts[i].numberEra} {
				add(w, fmt.Sprint("start", i, ".", k))
			}
		}
	} else {
		add(m.notFull.word(), "notFull")
		add(&m.head, "head")
		add(&m.used, "used")
		for i := range m.cursors {
			add(&m.cursors[i].owner, fmt.Sprint("owner", i))
			add(&m.cursors[i].from, fmt.Sprint("from", i))
		}
	}
	if s.finishes {
		add(&m.ended, "ended")
		for i := range m.producing {
			add(&m.producing[i], fmt.Sprint("producing", i))
		}
	}
	for i := range s.units * 2 {
		add((*word)(unsafe.Add(m.ring, i*4)), fmt.Sprint("ring", i))
	}
	return words, names
}

func (s *feedScene) shared() []*word { words, _ := s.names(); return words }

func (s *feedScene) name(w *word) string {
	words, names := s.names()
	for i := range words {
		if words[i] == w {
			return names[i]
		}
	}
	return "?"
}

func (s *feedScene) begin(u *universe) (actors int) {
	m := &s.m
	m.tail.v.Store(s.first)
	m.head.v.Store(s.first)
	m.starts[0].at.v.Store(s.first)
	m.starts[0].number.v.Store(s.first)
	for range s.producers {
		u.actor[actors].stage = feedSending
		if s.finishes { // and has begun
			m.producing[actors].v.Store(uint32(actors+1) << slotShift)
		}
		actors++
	}
	for i := range s.consumers {
		p := &u.actor[actors]
		p.stage = feedJoining
		if s.joined {
			p.stage = feedTaking
			if s.lossy {
				s.keepView(p, &view{spot: spot{uint64(s.first), uint64(s.first)}, start: uint64(s.first), tail: s.first})
			} else {
				m.cursors[i].owner.v.Store(uint32(actors+1) << slotShift)
				m.cursors[i].from.v.Store(s.first)
				m.used.v.Store(uint32(i + 1))
				s.keepPlace(p, &position{uint32(i), s.first, s.first, s.first, s.first})
			}
		}
		actors++
	}
	return actors
}

const (
	feedWhole   = "a record is received whole, until Done"
	feedInOrder = "every record is received, in order"
	feedCounts  = "a consumer is told how many it has missed"
	feedEnd     = "io.EOF comes when all have finished, after all"
	feedKept    = "what is being written is kept"
)

func (s *feedScene) happens(t *turn, w *word, new uint32) string {
	l := &t.u.ledger
	if w == &s.m.tail {
		a := s.action(t)
		l[l[ledgerCount]] = a.number | stateCommitted
		if a.reserve {
			l[l[ledgerCount]] = a.number | statePending | uint32(t.who)<<16
		}
		l[ledgerCount]++
	}
	if t.p.stage == feedCommitting && w == &s.m.record(t.p.vars[itsAt]).state {
		a := s.action(t)
		for i := range l[:l[ledgerCount]] {
			if l[i]&0xff == a.number {
				l[i] = a.number | stateCommitted
				if a.discard {
					l[i] = a.number | stateDiscarded
				}
			}
		}
	}
	return ""
}

func (s *feedScene) action(t *turn) feedAction { return s.producers[t.who][t.p.vars[nextAction]] }

func (s *feedScene) place(p *actor) position {
	return position{p.vars[0], p.vars[1], p.vars[2], p.vars[3], p.vars[4]}
}

func (s *feedScene) keepPlace(p *actor, at *position) {
	copy(p.vars[:], []uint32{at.cursor, at.next, at.kept, at.tail, at.told})
}

// Upper halves are 0 or 1.
func (s *feedScene) view(p *actor) view {
	era := func(i int) uint64 { return uint64(p.vars[6]>>i&1) << 32 }
	return view{spot: spot{uint64(p.vars[0]) | era(0), uint64(p.vars[1]) | era(1)}, start: uint64(p.vars[2]) | era(2), k: p.vars[3], tail: p.vars[4]}
}

func (s *feedScene) keepView(p *actor, v *view) {
	copy(p.vars[:], []uint32{uint32(v.at), uint32(v.number), uint32(v.start), v.k, v.tail, 0, uint32(v.at>>32) | uint32(v.number>>32)<<1 | uint32(v.start>>32)<<2})
}

func (s *feedScene) call(t *turn) {
	p := t.p
	f := &feedMember{feedMemory: s.m, producers: mutex{}, me: uint32(t.who+1) << slotShift,
		dead: func(word uint32) (bool, error) { return each(asks, nil, 0, word) != 0, nil }}
	switch p.stage {
	case feedSending:
		a := s.action(t)
		if a.reserve {
			at, cursor, ok, err := f.begin(background, (a.units-1)*unit)
			t.must(err)
			if p.stage = feedAnnouncingFull; ok {
				p.vars[itsAt], p.vars[itsCursor], p.stage = at, cursor, feedWriting
			}
			return
		}
		var data []byte
		for range (a.units - 1) * 2 {
			data = binary.NativeEndian.AppendUint32(data, a.number)
		}
		n, err := f.send(background, [][]byte{data})
		t.must(err)
		if n == 1 {
			s.sent(t)
		} else {
			p.stage = feedAnnouncingFull
		}
	case feedAnnouncingFull:
		p.vars[itsSeen] = uint32(f.notFull.announce())
		p.stage = feedTrying
	case feedTrying:
		ok, err := f.hasRoom(background, s.action(t).units, true)
		t.must(err)
		if p.stage = feedSleepingFull; ok {
			p.vars[itsSeen], p.stage = 0, feedSending
		}
	case feedSleepingFull:
		t.must(f.notFull.await(background, eventSeen(p.vars[itsSeen])))
		p.vars[itsSeen], p.stage = 0, feedSending
	case feedWriting:
		a := s.action(t)
		for i := range (a.units - 1) * 2 {
			wordIn(f.bytes(p.vars[itsAt], (a.units-1)*unit), int(i*4)).put(a.number)
		}
		p.stage = feedCommitting
	case feedCommitting:
		a := s.action(t)
		if t.first {
			t.demand(s.isWhole(p.vars[itsAt], a.number) && s.m.record(p.vars[itsAt]).length.v.Load() == (a.units-1)*unit &&
				s.m.record(p.vars[itsAt]).state.v.Load() == f.me, feedKept)
		}
		state := uint32(committed)
		if a.discard {
			state = padding
		}
		f.finish(p.vars[itsAt], p.vars[itsCursor], state)
		s.sent(t)
	case feedFinishing:
		f.endProducing()
		t.end()

	case feedJoining:
		var at position
		var v view
		var err error
		if s.lossy {
			v, err = f.joinLossy(background)
		} else {
			at, err = f.joinFeed(background)
		}
		t.must(err)
		// All that it is to see is sent after this.
		tail := at.next
		if s.lossy {
			tail = v.tail
			s.keepView(p, &v)
		} else {
			s.keepPlace(p, &at)
		}
		p.vars[expects] = s.countUpTo(t.u, tail)
		p.stage = feedTaking
		if s.lossy {
			t.demand(uint32(v.number)-s.first == p.vars[expects], feedCounts)
		}
	case feedTaking:
		if s.lossy {
			s.copyOne(t, f)
			return
		}
		at := s.place(p)
		where, length, ok, err := f.take(&at)
		t.must(err)
		s.keepPlace(p, &at)
		if !ok {
			p.stage = feedAnnouncingEmpty
			return
		}
		t.demand(s.receive(t, f.bytes(where, length)), feedInOrder)
		if p.vars[holdsOf] == 0 {
			p.vars[holdsOf] = p.vars[expects]
		}
		p.stage = feedDone
		switch s.consumers[t.who-len(s.producers)] {
		case keepsTwo:
			if p.vars[holdsOf] == p.vars[expects] && int(p.vars[expects]) < s.records() {
				p.stage = feedTaking
			}
		case keepsOne:
			p.stage = actorAway
		}
	case feedDone:
		at := s.place(p)
		if t.first {
			t.demand(s.stillWhole(t, at), feedWhole)
		}
		f.goOn(&at, at.next)
		s.keepPlace(p, &at)
		p.vars[holdsOf] = 0
		p.stage = feedTaking
		if s.consumers[t.who-len(s.producers)] == leavesFeed {
			p.stage = feedLeaving
		}
	case feedLeaving:
		at := s.place(p)
		f.leave(&at)
		t.end()
	case feedAnnouncingEmpty:
		p.vars[consumerSeen] = uint32(f.notEmpty.announce())
		p.stage = feedLooking
	case feedLooking:
		next, unfinished := p.vars[1], uint32(0)
		if s.lossy {
			next = p.vars[0]
		} else {
			unfinished = f.unfinished(next)
		}
		again, err := f.atLast(next, unfinished)
		if err == io.EOF {
			t.demand(s.allReceived(t.u, p, nobody) && s.allFinished(t.u), feedEnd)
			t.end()
			return
		}
		t.must(err)
		if p.stage = feedSleepingEmpty; again {
			p.vars[consumerSeen], p.stage = 0, feedTaking
		}
	case feedSleepingEmpty:
		t.must(f.notEmpty.await(background, eventSeen(p.vars[consumerSeen])))
		p.vars[consumerSeen], p.stage = 0, feedTaking
	}
}

// countUpTo is how many records of the ledger are below a position, which is a tail that
// some time was.
func (s *feedScene) countUpTo(u *universe, tail uint32) uint32 {
	at := s.first
	for i := range u.ledger[ledgerCount] {
		n := s.unitsOf(u.ledger[i] & 0xff)
		if left := s.units - at&(s.units-1); n > left {
			at += left
		}
		if int32(tail-(at+n)) < 0 {
			return i
		}
		at += n
	}
	return u.ledger[ledgerCount]
}

func (s *feedScene) unitsOf(number uint32) uint32 {
	for _, p := range s.producers {
		for _, a := range p {
			if a.number == number {
				return a.units
			}
		}
	}
	panic("no such record")
}

func (s *feedScene) records() (n int) {
	for _, p := range s.producers {
		n += len(p)
	}
	return n
}

func (s *feedScene) sent(t *turn) {
	next := t.p.vars[nextAction] + 1
	*t.p = actor{stage: feedSending, changed: t.p.changed}
	t.p.vars[nextAction] = next
	if int(next) == len(s.producers[t.who]) {
		if t.p.stage = feedFinishing; !s.finishes {
			t.end()
		}
	}
}

// copyOne is taking, from a lossy feed.
func (s *feedScene) copyOne(t *turn, f *feedMember) {
	p := t.p
	v := s.view(p)
	data, ok, err := f.copyNext(&v, make([]byte, 0, 64))
	t.must(err)
	missed := uint32(v.missed)
	v.missed = 0
	s.keepView(p, &v)
	if p.vars[expects] += missed; ok {
		t.demand(s.receive(t, data), feedInOrder)
	} else if missed == 0 {
		p.stage = feedAnnouncingEmpty
	}
	t.demand(p.vars[expects] <= t.u.ledger[ledgerCount], feedCounts)
	t.demand(uint32(v.number)-s.first == p.vars[expects], feedCounts)
}

// receive checks that what a consumer was given is what comes next, but for what was
// discarded, and what the dead have not finished.
func (s *feedScene) receive(t *turn, data []byte) bool {
	u := t.u
	i := t.p.vars[expects]
	for i < u.ledger[ledgerCount] {
		l := u.ledger[i]
		if l&0xff00 == stateCommitted {
			break
		}
		if l&0xff00 == statePending && u.actor[l>>16].stage != actorDied {
			return false
		}
		i++
	}
	if i == u.ledger[ledgerCount] {
		return false
	}
	number := u.ledger[i] & 0xff
	t.p.vars[expects] = i + 1
	for k := 0; k < len(data); k += 4 {
		t.demand(binary.NativeEndian.Uint32(data[k:]) == number, feedWhole)
	}
	return uint32(len(data)) == (s.unitsOf(number)-1)*unit
}

func (s *feedScene) isWhole(at, number uint32) bool {
	for i := range (s.unitsOf(number) - 1) * 2 {
		if wordIn(s.m.bytes(at, (s.unitsOf(number)-1)*unit), int(i*4)).v.Load() != number {
			return false
		}
	}
	return true
}

// stillWhole looks at what a consumer holds, from the end on.
func (s *feedScene) stillWhole(t *turn, at position) bool {
	number := t.u.ledger[t.p.vars[holdsOf]-1] & 0xff
	r := s.m.record(at.kept)
	for range 3 { // behind padding, and what was discarded
		if r.state.v.Load() == committed {
			break
		}
		at.kept += units(r.length.v.Load())
		r = s.m.record(at.kept)
	}
	return r.length.v.Load() == (s.unitsOf(number)-1)*unit && s.isWhole(at.kept, number)
}

// allReceived tells whether a consumer has all that is to be had: up to what one who is
// stopped has not finished.
func (s *feedScene) allReceived(u *universe, p *actor, stopped int) bool {
	for i := p.vars[expects]; i < u.ledger[ledgerCount]; i++ {
		switch l := u.ledger[i]; l & 0xff00 {
		case stateCommitted:
			return false
		case statePending:
			if int(l>>16) == stopped {
				return true
			}
		}
	}
	return true
}

func (s *feedScene) allFinished(u *universe) bool {
	for i := range s.producers {
		if st := u.actor[i].stage; st != actorEnded && st != actorDied && st != feedFinishing {
			return false
		}
	}
	return true
}

func (s *feedScene) good(u *universe, stopped int) bool {
	producersGoOn := stopped == nobody || s.lossy && int(u.owner) != stopped ||
		stopped < len(s.producers) && int(u.owner) != stopped && u.actor[stopped].stage != feedWriting && u.actor[stopped].stage != feedCommitting
	for i := range s.producers {
		if st := u.actor[i].stage; st >= actorStages && i != stopped && producersGoOn {
			return false
		}
	}
	for k := range s.consumers {
		i := k + len(s.producers)
		p := &u.actor[i]
		switch {
		case i == stopped || p.stage < actorStages:
		case p.stage == feedJoining:
			if stopped == nobody || int(u.owner) != stopped {
				return false
			}
		case s.finishes && stopped == nobody:
			return false
		case p.stage != feedSleepingEmpty && p.stage != feedTaking && stopped == nobody || !s.allReceived(u, p, stopped):
			return false
		}
	}
	return true
}

func feedOne(number uint32) feedAction  { return feedAction{number: number, units: 2} }
func feedLong(number uint32) feedAction { return feedAction{number: number, units: 3} }
func feedReserves(number uint32) feedAction {
	return feedAction{number: number, units: 2, reserve: true}
}
func feedDiscards(number uint32) feedAction {
	return feedAction{number: number, units: 2, reserve: true, discard: true}
}

type acts = [][]feedAction
type cons = []feedConsumer

var (
	feedTwo   = acts{{feedOne(1), feedOne(2)}}
	feedThree = acts{{feedOne(1), feedOne(2), feedOne(3)}}
	only      = func(process ...int) func(int) bool {
		return func(who int) bool {
			for _, p := range process {
				if p == who {
					return true
				}
			}
			return false
		}
	}
)

var feedScenes = []named{
	{"one to one", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 1, first: 1<<32 - 4, producers: feedThree, consumers: cons{plainConsumer}, joined: true})}},
	{"padding", explorer{coarse: true, subject: feedScenery(feedScene{units: 8, cursors: 1, producers: acts{{feedLong(1), feedLong(2), feedLong(3), feedLong(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"two at a time", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 1, producers: feedThree, consumers: cons{keepsTwo}, joined: true})}},
	{"two consumers", explorer{coarse: true, subject: feedScenery(feedScene{units: 2, cursors: 2, producers: feedTwo, consumers: cons{plainConsumer, plainConsumer}, joined: true})}},
	{"two producers", explorer{coarse: true, subject: feedScenery(feedScene{units: 2, cursors: 1, producers: acts{{feedOne(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"a dead producer", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 1, producers: acts{{feedOne(1)}, {feedOne(2), feedOne(3)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0)}},
	{"a dead consumer", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 2, cursors: 2, producers: feedTwo, consumers: cons{plainConsumer, plainConsumer}, joined: true}), mayDie: only(1)}},
	{"one leaves", explorer{coarse: true, subject: feedScenery(feedScene{units: 2, cursors: 1, producers: feedThree, consumers: cons{leavesFeed}, joined: true})}},
	{"a large one", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 1, producers: acts{{feedOne(1), feedOne(2), {number: 3, units: 4}}}, consumers: cons{plainConsumer}, joined: true})}},
	{"reservations", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 8, cursors: 3, producers: acts{{feedReserves(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0, 1)}},
	{"a reservation, two consumers", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 3, producers: acts{{feedReserves(1)}}, consumers: cons{plainConsumer, plainConsumer}, joined: true}), mayDie: only(0)}},
	{"a reservation discarded", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: acts{{feedDiscards(1), feedOne(2), feedOne(3)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"a reservation that nobody listens to", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: acts{{feedReserves(1)}, {feedOne(2), feedOne(3), feedOne(4)}}})}},
	{"one tells late", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 1, late: 3, first: 1<<32 - 4, producers: acts{{feedOne(1), feedOne(2), feedOne(3), feedOne(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"one tells late, padding", explorer{coarse: true, subject: feedScenery(feedScene{units: 8, cursors: 1, late: 4, producers: acts{{feedLong(1), feedLong(2), feedLong(3), feedLong(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"two tell late", explorer{coarse: true, subject: feedScenery(feedScene{units: 2, cursors: 2, late: 3, producers: feedTwo, consumers: cons{plainConsumer, plainConsumer}, joined: true})}},
	{"one tells late, and leaves", explorer{coarse: true, subject: feedScenery(feedScene{units: 2, cursors: 1, late: 3, producers: feedThree, consumers: cons{leavesFeed}, joined: true})}},
	{"one tells late, and is dead", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 2, cursors: 2, late: 3, producers: feedTwo, consumers: cons{plainConsumer, plainConsumer}, joined: true}), mayDie: only(1)}},
	{"one tells late, and of a reservation", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 2, late: 3, producers: acts{{feedOne(1), feedReserves(2), feedOne(3)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0)}},
	{"one joins", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 1, producers: feedThree, consumers: cons{plainConsumer}})}},
	{"one joins and dies", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 1, first: 400, producers: feedThree, consumers: cons{plainConsumer}}), mayDie: only(1)}},
	{"two join, one cursor is the dead one's", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: acts{{feedOne(1)}}, consumers: cons{plainConsumer, plainConsumer}})}},
	{"the end", explorer{coarse: true, subject: feedScenery(feedScene{units: 8, cursors: 1, finishes: true, producers: acts{{feedOne(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"the end, with a death", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 8, cursors: 1, finishes: true, producers: acts{{feedOne(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0)}},
	{"a stopped consumer or producer", explorer{coarse: true, stops: true, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: acts{{feedOne(1), feedOne(2)}}, consumers: cons{plainConsumer, plainConsumer}, joined: true})}},
	{"a stopped producer with a reservation", explorer{coarse: true, stops: true, subject: feedScenery(feedScene{units: 8, cursors: 2, producers: acts{{feedReserves(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true})}},

	{"lossy", explorer{subject: feedScenery(feedScene{lossy: true, units: 4, first: 1<<32 - 4, producers: acts{{feedOne(1), feedOne(2), feedOne(3), feedOne(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"lossy, padding", explorer{coarse: true, subject: feedScenery(feedScene{lossy: true, units: 8, producers: acts{{feedLong(1), feedLong(2), feedLong(3), feedLong(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"lossy, a dead producer", explorer{deaths: 1, subject: feedScenery(feedScene{lossy: true, units: 4, producers: acts{{feedOne(1), feedOne(2)}, {feedOne(3)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0), coarse: true}},
	{"lossy, one joins", explorer{deaths: 1, subject: feedScenery(feedScene{lossy: true, units: 4, producers: acts{{feedOne(1), feedOne(2), feedOne(3), feedOne(4)}}, consumers: cons{plainConsumer}})}},
	{"lossy, one is stopped", explorer{stops: true, subject: feedScenery(feedScene{lossy: true, units: 4, producers: acts{{feedOne(1), feedOne(2)}, {feedOne(3)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"lossy, the end", explorer{deaths: 1, subject: feedScenery(feedScene{lossy: true, units: 4, finishes: true, producers: acts{{feedOne(1)}, {feedOne(2)}}, consumers: cons{plainConsumer}, joined: true}), mayDie: only(0)}},
}

// These take minutes.
var largeFeedScenes = []named{
	{"one leaves, or dies", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 2, cursors: 2, producers: feedTwo, consumers: cons{leavesFeed, plainConsumer}, joined: true}), mayDie: only(1)}},
	{"lossy, padding, five records", explorer{subject: feedScenery(feedScene{lossy: true, units: 8, producers: acts{{feedLong(1), feedLong(2), feedLong(3), feedLong(4), feedLong(5)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"lossy, two producers and a death", explorer{deaths: 1, subject: feedScenery(feedScene{lossy: true, units: 4, producers: acts{{feedOne(1), feedOne(2)}, {feedOne(3), feedOne(4)}}, consumers: cons{plainConsumer}, joined: true})}},
	{"two consumers, three records", explorer{coarse: true, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: feedThree, consumers: cons{plainConsumer, plainConsumer}, joined: true})}},
	{"a dead consumer, three records", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 2, producers: feedThree, consumers: cons{plainConsumer, plainConsumer}, joined: true}), mayDie: only(1)}},
	{"two producers, three records, a death", explorer{coarse: true, deaths: 1, subject: feedScenery(feedScene{units: 4, cursors: 1, producers: acts{{feedOne(1), feedOne(2)}, {feedOne(3)}}, consumers: cons{plainConsumer}, joined: true})}},
}

func TestFeedModel(t *testing.T) {
	all := feedScenes
	if os.Getenv("SYSVIPC_STORM") == "full" {
		all = append(all[:len(all):len(all)], largeFeedScenes...)
	}
	exploreAll(t, "feed", all)
}

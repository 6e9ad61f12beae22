//go:build sysvipc_steps

package ring

import (
	"encoding/binary"
	"fmt"
	"testing"
	"unsafe"
)

// Writers set values of two words that are both the value's number in the scenario.
// Readers read, or wait for the next again and again.

// latestScene is a scenario.
type latestScene struct {
	writers [][]uint32 // what each sets
	readers []int      // how many times each reads; waits for one who waits for the newest
	first   uint32     // the number of what is there, the value 100
	leaps   bool       // the writers' numbers come round once, in one step

	m latestMemory
}

const waits = -1

const (
	latestSetting = actorStages + iota
	latestReading
	latestAnnouncing
	latestLooking
	latestSleeping
	latestAwake
	latestLeaping
)

// Of a reader's variables.
const (
	hasNumber   = iota // the number that it has read, and
	hasReads           // how many
	atLeast            // the newest when it began to read
	sawSequence        // of the bell
	hasSet             // a writer's
)

const latestWords = 8

func scene(s latestScene) *latestScene {
	buffer := make([]uint64, latestSize(latestWords)/8+line/8)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&buffer[0])), len(buffer)*8)
	s.m = newLatestMemory(b, latestWords)
	return &s
}

func (s *latestScene) shared() []*word {
	all := []*word{&s.m.newest, s.m.changed.word()}
	for i := range uint32(kept) {
		v := s.m.value(i)
		all = append(all, &v.era, &v.length, wordIn(v.bytes(8), 0), wordIn(v.bytes(8), 4))
	}
	return all
}

func (s *latestScene) name(w *word) string {
	for i, x := range s.shared() {
		if x == w {
			return [...]string{"newest", "changed", "era", "length", "word", "word"}[min(i, 2+(i-2)%4)] + fmt.Sprint(max(i-2, 0)/4)
		}
	}
	return "?"
}

func (s *latestScene) begin(u *universe) (actors int) {
	s.m.newest.v.Store(s.first)
	v := s.m.value(s.first)
	v.length.v.Store(8)
	for i := 0; i < 8; i += 4 {
		wordIn(v.bytes(8), i).v.Store(100)
	}
	u.ledger[0] = 100
	for range s.writers {
		u.actor[actors].stage = latestSetting
		actors++
	}
	if s.leaps {
		u.actor[0].stage = latestLeaping
	}
	for _, n := range s.readers {
		u.actor[actors].stage = latestReading
		if n == waits {
			u.actor[actors].vars[hasNumber] = s.first
			u.actor[actors].stage = latestAnnouncing
		}
		actors++
	}
	return actors
}

const (
	wholeValues  = "a value is read whole"
	numbersGrow  = "a number is one more than that before"
	newestValues = "what is read was the newest while it was read"
)

func (s *latestScene) happens(t *turn, w *word, new uint32) string {
	if w == &s.m.newest {
		t.u.ledger[new-s.first] = s.value(t)
	}
	return ""
}

func (s *latestScene) value(t *turn) uint32 { return s.writers[t.who][t.p.vars[hasSet]] }

func (s *latestScene) call(t *turn) {
	p := t.p
	l := &latestMember{s.m, mutex{}, 0}
	switch p.stage {
	case latestSetting:
		var data []byte
		for range 2 {
			data = binary.NativeEndian.AppendUint32(data, s.value(t))
		}
		_, err := l.set(background, data)
		t.must(err)
		if p.vars[hasSet]++; int(p.vars[hasSet]) == len(s.writers[t.who]) {
			t.end()
		}
	case latestLeaping:
		// As if 1<<32 values had been set.
		newest := s.m.newest.v.Load()
		v := s.m.value(newest)
		v.era.v.Add(1)
		for i := 0; i < 8; i += 4 {
			wordIn(v.bytes(8), i).v.Store(200)
		}
		t.u.ledger[newest-s.first] = 200
		t.end()
	case latestReading:
		if t.first {
			p.vars[atLeast] = s.m.newest.v.Load() - s.first
		}
		buf := make([]byte, 8)
		r, err := l.get(buf, 1, func() error {
			switch each(tries, nil, 0, 0) {
			case gotNothing:
				return errBusy
			case gotAbandoned:
				return new(mutex).repaired()
			}
			return nil
		})
		t.must(err)
		n := uint32(r.number) - s.first
		t.demand(s.leaps || r.number == s.number(uint32(r.number)), numbersGrow)
		t.demand(n >= p.vars[atLeast] && n <= s.m.newest.v.Load()-s.first, newestValues)
		for i := 0; i < 8; i += 4 {
			t.demand(r.length == 8 && n < 24 && binary.NativeEndian.Uint32(buf[i:]) == t.u.ledger[n], wholeValues)
		}
		if want := s.readers[t.who-len(s.writers)]; want == waits {
			p.vars = [12]uint32{hasNumber: uint32(r.number)}
			p.stage = latestAnnouncing
		} else if p.vars[hasReads]++; int(p.vars[hasReads]) == want {
			t.end()
		}
	case latestAnnouncing:
		p.vars[sawSequence] = uint32(l.changed.announce())
		p.stage = latestLooking
	case latestLooking:
		if l.another(s.number(p.vars[hasNumber])) {
			p.stage = latestReading
		} else {
			p.stage = latestSleeping
		}
	case latestSleeping:
		t.must(l.changed.await(background, eventSeen(p.vars[sawSequence])))
		p.vars[sawSequence], p.stage = 0, latestAwake
	case latestAwake:
		if l.another(s.number(p.vars[hasNumber])) {
			p.stage = latestReading
		} else {
			p.stage = latestAnnouncing
		}
	}
}

// number is one whose upper half is 1 where the lower has come round.
func (s *latestScene) number(n uint32) uint64 {
	if n < s.first {
		return 1<<32 | uint64(n)
	}
	return uint64(n)
}

func (s *latestScene) good(u *universe, stopped int) bool {
	for i := range s.writers {
		if u.actor[i].stage >= actorStages && i != stopped && !(stopped != nobody && int(u.owner) == stopped) {
			return false
		}
	}
	for k, n := range s.readers {
		i := k + len(s.writers)
		p := &u.actor[i]
		if p.stage < actorStages || i == stopped {
			continue
		}
		if n != waits || p.vars[hasNumber] != s.m.newest.v.Load() {
			return false
		}
	}
	return true
}

var latestScenes = []named{
	{"a reader and a writer", explorer{subject: scene(latestScene{writers: [][]uint32{{1, 2, 3, 4, 5}}, readers: []int{1}})}},
	{"overtaken twice", explorer{subject: scene(latestScene{writers: [][]uint32{{1, 2, 3, 4, 5, 6}}, readers: []int{1}})}},
	{"numbers come round", explorer{subject: scene(latestScene{writers: [][]uint32{{1, 2, 3, 4}}, readers: []int{2}, first: 1<<32 - 2})}},
	{"a reader, two writers and a death", explorer{deaths: 1, subject: scene(latestScene{writers: [][]uint32{{1, 2}, {3, 4}}, readers: []int{1}})}},
	{"two readers and two deaths", explorer{deaths: 2, subject: scene(latestScene{writers: [][]uint32{{1}, {2}}, readers: []int{1, 1}})}},
	{"numbers come round while one reads", explorer{subject: scene(latestScene{writers: [][]uint32{{1}}, readers: []int{1}, leaps: true})}},
	{"one waits", explorer{subject: scene(latestScene{writers: [][]uint32{{1, 2, 3}}, readers: []int{waits}})}},
	{"one waits, and a death", explorer{deaths: 1, subject: scene(latestScene{writers: [][]uint32{{1, 2}, {3}}, readers: []int{waits}})}},
	{"two wait", explorer{subject: scene(latestScene{writers: [][]uint32{{1}}, readers: []int{waits, waits}})}},
	{"one is stopped", explorer{stops: true, subject: scene(latestScene{writers: [][]uint32{{1, 2}, {3}}, readers: []int{1}})}},
	{"one is stopped, overtaken", explorer{stops: true, subject: scene(latestScene{writers: [][]uint32{{1, 2, 3, 4}}, readers: []int{1}})}},
	{"one is stopped while one waits", explorer{stops: true, subject: scene(latestScene{writers: [][]uint32{{1}, {2}}, readers: []int{waits}})}},
}

func TestLatestModel(t *testing.T) { exploreAll(t, "latest", latestScenes) }

func latestSceneOf(name string) explorer {
	for _, s := range latestScenes {
		if s.name == name {
			return s.in
		}
	}
	panic("no scene " + name)
}

func (t *turn) latest() *latestScene { return t.subject.(*latestScene) }

// Of the ledger: what a fault has delayed.
const (
	delayed = 22
	isOn    = 23
)

var latestFaults = []fault{
	{name: "the number before the value", in: latestSceneOf("a reader and a writer"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.latest()
			switch {
			case a == puts && w == wordIn(s.m.value(s.m.newest.v.Load()+1).bytes(8), 0):
				t.change(&s.m.newest, s.m.newest.v.Load()+1)
				return 0, true // and this word last
			case a == stores && w == &s.m.newest:
				w := wordIn(s.m.value(new).bytes(8), 0)
				w.v.Store(s.value(t))
				return 0, true
			}
			return 0, false
		}},
	{name: "the number before the length", in: latestSceneOf("a reader and a writer"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.latest()
			next := s.m.newest.v.Load() + 1
			switch {
			case a == puts && w == &s.m.value(next).length:
				t.change(&s.m.newest, next)
				return 0, true
			case a == stores && w == &s.m.newest:
				s.m.value(new).length.v.Store(8)
				return 0, true
			}
			return 0, false
		}},
	{name: "the number before the era", in: latestSceneOf("numbers come round"), breaks: numbersGrow,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.latest()
			next := s.m.newest.v.Load() + 1
			switch {
			case a == puts && w == &s.m.value(next).era:
				t.change(&s.m.newest, next)
				return 0, true
			case a == stores && w == &s.m.newest:
				if new < s.first {
					s.m.value(new).era.v.Store(1)
				}
				return 0, true
			}
			return 0, false
		}},
	{name: "nobody looks at the era again", in: latestSceneOf("numbers come round while one reads"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if s := t.latest(); a == loads && w == &s.m.value(s.m.newest.v.Load()).era && t.loads == 5 {
				return binary.LittleEndian.Uint32(t.answers[4:]), true
			}
			return 0, false
		}},
	{name: "nobody looks again", in: latestSceneOf("a reader and a writer"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if s := t.latest(); a == loads && w == &s.m.newest && t.p.stage == latestReading && t.loads > 3 {
				return binary.LittleEndian.Uint32(t.answers), true
			}
			return 0, false
		}},
	{name: "one too many may have come", in: latestSceneOf("a reader and a writer"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if s := t.latest(); a == loads && w == &s.m.newest && t.p.stage == latestReading && t.loads > 3 {
				if first := binary.LittleEndian.Uint32(t.answers); w.v.Load()-first == kept-1 {
					return first, true
				}
			}
			return 0, false
		}},
	{name: "a place is written over before the last number is seen", in: latestSceneOf("a reader and a writer"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.latest()
			if t.p.stage != latestSetting {
				return 0, false
			}
			switch on := t.u.ledger[isOn] != 0; {
			case a == stores && w == &s.m.newest:
				t.happens(t, w, new)
				t.u.ledger[delayed], t.u.ledger[isOn] = new, 1
				return 0, true
			case on && a == loads && w == &s.m.newest:
				return t.u.ledger[delayed], true
			case on && a == puts && w == &s.m.value(t.u.ledger[delayed]+1).length:
				s.m.newest.v.Store(t.u.ledger[delayed])
				t.u.ledger[delayed], t.u.ledger[isOn] = 0, 0
			}
			return 0, false
		}},
	{name: "writers don't keep each other out", in: latestSceneOf("a reader, two writers and a death"), breaks: wholeValues,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			switch {
			case t.p.stage == latestReading:
			case a == locks:
				return got, true
			case a == unlocks:
				return 0, true
			}
			return 0, false
		}},
	{name: "a reader does not keep the writers out", in: latestSceneOf("overtaken twice"), breaks: errCorrupt.Error(),
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			switch {
			case t.p.stage != latestReading:
			case a == tries:
				return got, true
			case a == unlocks:
				return 0, true
			}
			return 0, false
		}},
	{name: "a reader waits for who is stopped", in: latestSceneOf("one is stopped, overtaken"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if a == tries {
				return t.really(locks, nil, 0, 0), true
			}
			return 0, false
		}},
	{name: "nobody is told", in: latestSceneOf("one waits"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 0, a == rings }},
	{name: "told before it is so", in: latestSceneOf("one waits"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.latest()
			if a == puts && w == &s.m.value(s.m.newest.v.Load()+1).length {
				if bell := s.m.changed.word(); t.really(listens, bell, 0, 0) != 0 {
					t.really(rings, bell, 0, 0)
				}
				return 0, false
			}
			return 0, a == listens
		}},
	{name: "looked before it said that it waits", in: latestSceneOf("one waits"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if a == loads && w == &t.latest().m.newest && t.p.stage == latestLooking {
				return t.p.vars[hasNumber], true
			}
			return 0, false
		}},
}

func TestLatestFaults(t *testing.T) { findFaults(t, latestFaults) }

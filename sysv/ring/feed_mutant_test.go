//go:build sysvipc_steps

package ring

import "testing"

func feedSceneOf(name string) explorer {
	for _, s := range feedScenes {
		if s.name == name {
			return s.in
		}
	}
	panic("no scene " + name)
}

func (t *turn) feed() *feedScene { return t.subject.(*feedScene) }

// cursorOf tells whose owner, or from, a word is.
func (s *feedScene) cursorOf(w *word) (c *cursor, isOwner bool) {
	for i := range s.m.cursors {
		if c := &s.m.cursors[i]; w == &c.owner || w == &c.from {
			return c, w == &c.owner
		}
	}
	return nil, false
}

// isRing tells whether a word is in the ring.
func (s *feedScene) isRing(w *word) bool {
	for i := range s.m.size * 2 {
		if w == wordAt(s.m.ring, i) {
			return true
		}
	}
	return false
}

// keepLate delays a store, which the ledger of the scenario hears of at once, and late says
// whether there is one.
func (t *turn) keepLate(value uint32) { t.u.ledger[delayed], t.u.ledger[isOn] = value, 1 }
func (t *turn) late() bool            { return t.u.ledger[isOn] != 0 }
func (t *turn) noMore() uint32 {
	value := t.u.ledger[delayed]
	t.u.ledger[delayed], t.u.ledger[isOn] = 0, 0
	return value
}

var feedFaults = []fault{
	{name: "tail before the record", in: feedSceneOf("lossy"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if t.p.stage != feedSending {
				return 0, false
			}
			tail := s.m.tail.v.Load()
			switch {
			case a == puts && w == &s.m.record(tail).length:
				t.change(&s.m.tail, tail+2)
				return 0, true
			case a == stores && w == &s.m.tail:
				s.m.record(new - 2).length.v.Store(8)
				return 0, true
			}
			return 0, false
		}},
	{name: "given back before it is done with", in: feedSceneOf("one to one"), breaks: feedWhole,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if a == loads && t.p.stage == feedTaking && s.isRing(w) && t.really(a, w, 0, 0) == committed {
				s.m.cursors[0].from.v.Store(t.p.vars[1] + 2)
			}
			return 0, false
		}},
	{name: "an owner before where it begins", in: feedSceneOf("one joins and dies"), breaks: errCorrupt.Error(),
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			c, isOwner := s.cursorOf(w)
			switch {
			case a != stores || c == nil || t.p.stage != feedJoining:
				return 0, false
			case isOwner:
				return t.really(stores, &c.from, 0, s.m.tail.v.Load()), true
			}
			return t.really(stores, &c.owner, 0, uint32(t.who+1)<<slotShift), true
		}},
	{name: "joins without the mutex", in: feedSceneOf("one joins"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			switch {
			case t.p.stage != feedJoining:
			case a == locks:
				return got, true
			case a == unlocks:
				return 0, true
			}
			return 0, false
		}},
	{name: "a reservation is not kept", in: feedSceneOf("a reservation that nobody listens to"), breaks: feedKept,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			_, isOwner := t.feed().cursorOf(w)
			return 0, a == stores && isOwner && new != 0
		}},
	{name: "kept no more before it is committed", in: feedSceneOf("a reservation that nobody listens to"), breaks: feedKept,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if t.p.stage == feedWriting {
				s.m.cursors[t.p.vars[itsCursor]].owner.v.Store(0)
			}
			return 0, false
		}},
	{name: "a dead producer's record made padding whatever it is by now", in: feedSceneOf("reservations"), breaks: feedWhole,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if a == swaps && new == padding {
				t.really(stores, w, 0, new)
				return 1, true
			}
			return 0, false
		}},
	{name: "a reservation made padding though its member lives", in: feedSceneOf("reservations"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 1, a == asks }},
	{name: "nobody asks who lives", in: feedSceneOf("reservations"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 0, a == asks }},
	{name: "a dead consumer is waited for", in: feedSceneOf("a dead consumer"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 0, a == asks }},
	{name: "cursors of the living are dropped", in: feedSceneOf("two consumers"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 1, a == asks }},
	{name: "nobody is told of a record", in: feedSceneOf("one to one"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && t.p.stage == feedSending
		}},
	{name: "nobody is told of room", in: feedSceneOf("one to one"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && t.p.stage == feedDone
		}},
	{name: "who has nothing to do keeps to himself what he is done with", in: feedSceneOf("one tells late"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if c, isOwner := s.cursorOf(w); a != stores || c == nil || isOwner || t.p.stage != feedDone {
				return 0, false
			}
			told := w.v.Load()
			return 0, new == s.m.tail.v.Load() && new-told < s.late && told != s.m.head.v.Load()
		}},
	{name: "a cursor in use of which nobody knows", in: feedSceneOf("one joins"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == stores && w == &t.feed().m.used
		}},
	{name: "nobody is told who leaves", in: feedSceneOf("one leaves"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && t.p.stage == feedLeaving
		}},
	{name: "nobody is told of a commit", in: feedSceneOf("a reservation, two consumers"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && t.p.stage == feedCommitting && w == t.feed().m.notEmpty.word()
		}},
	{name: "cursors are not looked at again", in: feedSceneOf("a large one"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if c, isOwner := s.cursorOf(w); c != nil && !isOwner && a == loads && t.stored == &s.m.head {
				return s.m.head.v.Load(), true
			}
			return 0, false
		}},
	{name: "consumers are not told who is last", in: feedSceneOf("a large one"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			switch {
			case w != &s.m.head:
			case a == stores && t.p.stage == feedTrying:
				t.keepLate(new)
				return 0, true
			case a == loads && t.late() && t.p.stage == feedTrying:
				return t.noMore(), true
			}
			return 0, false
		}},
	{name: "room is asked for before it is said that somebody waits", in: feedSceneOf("one to one"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			// What the cursor had when it found no room.
			s := t.feed()
			if c, isOwner := s.cursorOf(w); c != nil && !isOwner && a == loads && t.p.stage == feedTrying {
				return s.m.head.v.Load(), true
			}
			return 0, false
		}},
	{name: "the end comes before the last record", in: feedSceneOf("the end"), breaks: feedEnd,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if s := t.feed(); a == loads && w == &s.m.tail && t.p.stage == feedLooking {
				return t.p.vars[1], true
			}
			return 0, false
		}},
	{name: "the first who finishes ends it", in: feedSceneOf("the end"), breaks: feedEnd,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			for i := range s.m.producing {
				if a == loads && w == &s.m.producing[i] {
					return 0, true
				}
			}
			return 0, false
		}},
	{name: "the dead never finish", in: feedSceneOf("the end, with a death"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) { return 0, a == asks }},
	{name: "nobody is told of the end", in: feedSceneOf("the end"), breaks: canBeDone,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && t.p.stage == feedFinishing
		}},

	{name: "written over before that is said", in: feedSceneOf("lossy"), breaks: feedWhole,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			switch {
			case t.p.stage != feedSending || w == nil:
			case a == stores && w == &s.m.starting:
				t.keepLate(new)
				return 0, true
			case a == puts && t.late() && w == &s.m.record(s.m.tail.v.Load()).length: // its words are written
				s.m.starting.v.Store(t.noMore())
			}
			return 0, false
		}},
	{name: "nobody looks again whether it was written over", in: feedSceneOf("lossy"), breaks: feedWhole,
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			if s := t.feed(); a == loads && w == &s.m.starting && t.p.stage == feedTaking && t.loads == 3 {
				return t.p.vars[3], true
			}
			return 0, false
		}},
	{name: "a start counts before it is written", in: feedSceneOf("lossy"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			k := s.m.starting.v.Load()
			switch {
			case t.p.stage != feedSending || w == nil:
			case a == puts && w == &s.m.starts[(k+1)%kept].at:
				t.keepLate(new)
				t.change(&s.m.starting, k+1)
				return 0, true
			case a == stores && w == &s.m.starting:
				s.m.starts[new%kept].at.v.Store(t.noMore())
				return 0, true
			}
			return 0, false
		}},
	{name: "a lossy feed is joined without the mutex", in: feedSceneOf("lossy, one joins"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			switch {
			case t.p.stage != feedJoining:
			case a == locks:
				return got, true
			case a == unlocks:
				return 0, true
			}
			return 0, false
		}},
	{name: "the missed are not counted", in: feedSceneOf("lossy"), breaks: "",
		fault: func(t *turn, a access, w *word, old, new uint32) (uint32, bool) {
			s := t.feed()
			if p := &s.m.starts[(s.m.starting.v.Load()+1)%kept]; a == puts && w == &p.number {
				p.number.v.Store(new + 1)
				return 0, true
			}
			return 0, false
		}},
}

func TestFeedFaults(t *testing.T) { findFaults(t, feedFaults) }

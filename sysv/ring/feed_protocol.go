package ring

import "unsafe"

// Producers put records into a ring as those of a Queue do, under their mutex, and tail
// publishes them. Every consumer has a position of its own.
//
// A lossless feed keeps what a cursor has not passed: a cell with an owner and where it
// begins. A cursor that is about to be used, and one of whom has died, is taken and given back
// under the producers' mutex, so that one who looks for room sees them all. A record
// that is being written in place is kept by a cursor, too. What a dead member's cursor keeps
// is kept no more once a producer who finds no room has looked who lives.
//
// A lossy feed keeps the newest. Before a record is written over, producers say
// where the oldest is that stays, and its number, by one store that makes another
// of four places the one that counts. Who has copied a record and sees then that it was
// not before that has a whole one.

// feedShared is what all share. Each line belongs to those who write to it.
type feedShared struct {
	// Producers', under their mutex. All records are below tail, which publishes them.
	tail word
	_    [line - 4]byte

	// head is the first position that a cursor keeps, when that was looked at last.
	head word
	used word // cursors from here on have never had an owner
	_    [line - 8]byte

	// Of a lossy feed: which of the starts counts, modulo their number.
	starting word
	_        [line - 4]byte
	starts   [kept]start
	_        [line - kept*16]byte

	ended word // a producer has finished since the last one began
	_     [line - 4]byte

	notEmpty bell
	_        [line - 4]byte
	notFull  bell
	_        [line - 4]byte
}

// A start is where the oldest record is that is not about to be written over, and how
// many came before it: two numbers of 64 bits.
type start struct{ at, atEra, number, numberEra word }

// A cursor keeps what is not below from for its owner.
type cursor struct {
	owner word // 0 for nobody, or a member's word
	from  word
	_     [line - 8]byte
}

// feedMemory is the segment as this process sees it.
type feedMemory struct {
	*feedShared
	buffer
	cursors []cursor
	// producing has, for each slot of a member, the word of the member if it sends.
	producing []word
	lossy     bool
	// late is how many units a consumer may be done with before it says so.
	late uint32
}

// mostLate bounds that: to say it costs a consumer as much as a record does.
const mostLate = 4 << 10 / unit

// feedSize is how much memory a feed takes, of so many cursors, slots of members and
// units of its ring.
func feedSize(cursors, slots int, units uint32) uintptr {
	return unsafe.Sizeof(feedShared{}) + uintptr(cursors)*line + (uintptr(slots)*4+line-1)&^(line-1) + uintptr(units)*unit
}

// newFeedMemory is for memory of feedSize.
func newFeedMemory(b []byte, cursors, slots int, units uint32, lossy bool) feedMemory {
	at := unsafe.Sizeof(feedShared{})
	m := feedMemory{feedShared: (*feedShared)(unsafe.Pointer(&b[0])), lossy: lossy, late: min(units/16, mostLate)}
	if cursors > 0 {
		m.cursors = unsafe.Slice((*cursor)(unsafe.Pointer(&b[at])), cursors)
	}
	at += uintptr(cursors) * line
	m.producing = unsafe.Slice((*word)(unsafe.Pointer(&b[at])), slots)
	at += (uintptr(slots)*4 + line - 1) &^ (line - 1)
	m.buffer = buffer{unsafe.Pointer(&b[at]), units}
	return m
}

// What producers do is under their mutex, but for commit and discard. Where it is
// abandoned there is nothing to repair: a record whose tail was not stored, a cursor whose
// owner was not and a start that does not count do not exist.

// add puts a record behind those that end at a position, and returns where that
// one ends. ok is false if there is no room. Who calls it publishes that.
func (m *feedMemory) add(tail uint32, data []byte) (end uint32, ok bool, err error) {
	n := units(uint32(len(data)))
	at, ok, err := m.place(tail, n)
	if !ok || err != nil {
		return tail, false, err
	}
	copyIn(m.bytes(at, uint32(len(data))), data)
	r := m.record(at)
	r.length.put(uint32(len(data)))
	r.state.put(committed)
	return at + n, true, nil
}

// reserve puts a record into a lossless ring that its member is going to write, and is
// kept by a cursor until then.
func (m *feedMemory) reserve(length, me uint32) (at, cursor uint32, ok bool, err error) {
	n := units(length)
	at, ok, err = m.place(m.tail.load(), n)
	if !ok || err != nil {
		return 0, 0, false, err
	}
	if cursor, ok = m.keep(at, me); !ok {
		return 0, 0, false, errNoCursor
	}
	r := m.record(at)
	r.length.put(length)
	r.state.put(me)
	m.tail.publish(at + n)
	return at, cursor, true, nil
}

// finishRecord is the end of a reservation: what state makes of it, and it is not kept any
// more. In this order: what nobody keeps may be another's by then.
func (m *feedMemory) finishRecord(at, cursor, state uint32) {
	m.record(at).state.store(state)
	m.cursors[cursor].owner.store(0)
}

// keep takes a cursor that nobody has, which keeps what is not below a position. Its
// owner comes last: a cursor that has one keeps something.
func (m *feedMemory) keep(from, me uint32) (i uint32, ok bool) {
	for i := range m.cursors {
		if c := &m.cursors[i]; c.owner.load() == 0 {
			c.from.store(from)
			if used := uint32(i) + 1; used > m.used.get() {
				m.used.store(used)
			}
			c.owner.store(me)
			return uint32(i), true
		}
	}
	return 0, false
}

// place makes room for n units behind those that end at tail, or behind padding there.
func (m *feedMemory) place(tail, n uint32) (at uint32, ok bool, err error) {
	gap := m.gap(tail, n)
	if end := tail + gap + n; m.lossy {
		err = m.forget(tail, end)
	} else if end-m.head.load() > m.size {
		if ok, err = m.roomUpTo(tail, end); !ok {
			return 0, false, err
		}
	}
	if err != nil {
		return 0, false, err
	}
	m.pad(tail, gap)
	return tail + gap, true, nil
}

// mostLooks is how many times cursors that go on are looked at again.
const mostLooks = 100

// roomUpTo looks at all cursors, and tells whether nothing is kept of what would be
// written over. Where it is not, consumers are told by head who of them is the last:
// only he wakes the producers who wait. He may have gone on before he could see that.
// So it looks again after it has said so.
func (m *feedMemory) roomUpTo(tail, end uint32) (ok bool, err error) {
	for range mostLooks {
		oldest := m.oldest(tail)
		if tail-oldest > m.size {
			return false, errCorrupt
		}
		if ok = end-oldest <= m.size; oldest == m.head.load() {
			break
		}
		m.head.store(oldest)
		if ok {
			break
		}
	}
	return ok, nil
}

// oldest is the first position that is kept, which is tail if nothing is.
func (m *feedMemory) oldest(tail uint32) uint32 {
	oldest := tail
	for i := range min(m.used.load(), uint32(len(m.cursors))) {
		c := &m.cursors[i]
		if c.owner.load() == 0 {
			continue
		}
		if from := c.from.load(); int32(from-oldest) < 0 {
			oldest = from
		}
	}
	return oldest
}

// drop gives the dead members' cursors back.
func (m *feedMemory) drop(dead func(word uint32) (bool, error)) (some bool, err error) {
	for i := range m.cursors {
		owner := m.cursors[i].owner.load()
		if owner == 0 {
			continue
		}
		gone, err := dead(owner)
		if err != nil {
			return some, err
		}
		if gone {
			m.cursors[i].owner.store(0)
			some = true
		}
	}
	return some, nil
}

// ahead has the lines come that are going to be written, if they are free.
func (m *feedMemory) ahead(at, n uint32) {
	if (m.lossy || at+n-m.head.get() <= m.size) && at&(m.size-1)+n <= m.size {
		prefetch(unsafe.Pointer(m.record(at)), uintptr(n)*unit)
	}
}

// heal makes padding of a record that a dead producer has not finished. He may have
// finished it since, and died then.
func (m *feedMemory) heal(at, word uint32) { m.record(at).state.swap(word, padding) }

// forget says what is kept, before so much is written behind tail that others are written over.
func (m *feedMemory) forget(tail, end uint32) error {
	k := m.starting.load()
	s := &m.starts[k%kept]
	at, atEra, number, numberEra := s.at.load(), s.atEra.load(), s.number.load(), s.numberEra.load()
	if tail-at > m.size {
		return errCorrupt
	}
	if end-at <= m.size {
		return nil
	}
	// Some more than need be, so that it does not have to be said for each.
	for upTo := end - m.size + m.size/16; at != tail && int32(at-upTo) < 0; {
		r := m.record(at)
		n, ok := m.takes(at, r.length.get(), tail-at)
		if !ok {
			return errCorrupt
		}
		if r.state.get() == committed {
			if number++; number == 0 {
				numberEra++
			}
		}
		if at += n; at < n {
			atEra++
		}
	}
	if end-at > m.size {
		return errCorrupt
	}
	s = &m.starts[(k+1)%kept]
	s.at.put(at)
	s.atEra.put(atEra)
	s.number.put(number)
	s.numberEra.put(numberEra)
	m.starting.store(k + 1)
	// What comes after an atomic load, which comes after an atomic store, is seen after
	// that: where memory is weakly ordered, a store alone may come after plain ones that
	// follow it.
	m.starting.load()
	return nil
}

// A spot is where the records of a lossy feed begin, or a consumer is: positions and
// numbers with their upper halves.
type spot struct{ at, number uint64 }

// mostTries is how many times one looks for the start at most: each time four others
// have come to count meanwhile.
const mostTries = 100

// oldestSpot is where the records begin that are whole for now, and which start says so.
func (m *feedMemory) oldestSpot() (s spot, k uint32, err error) {
	for range mostTries {
		k = m.starting.load()
		p := &m.starts[k%kept]
		s = spot{uint64(p.atEra.load())<<32 | uint64(p.at.load()), uint64(p.numberEra.load())<<32 | uint64(p.number.load())}
		if m.starting.load()-k < kept-1 {
			return s, k, nil
		}
	}
	return spot{}, 0, errCorrupt
}

// end is where the next record will be, under the producers' mutex.
func (m *feedMemory) end() (v view, err error) {
	v.spot, v.k, err = m.oldestSpot()
	v.start = v.at
	v.tail = m.tail.load()
	if err != nil || v.tail-uint32(v.at) > m.size {
		return v, errCorrupt
	}
	for uint32(v.at) != v.tail {
		at := uint32(v.at)
		r := m.record(at)
		n, ok := m.takes(at, r.length.get(), v.tail-at)
		if !ok {
			return v, errCorrupt
		}
		if r.state.get() == committed {
			v.number++
		}
		v.at += uint64(n)
	}
	return v, nil
}

package ring

import "unsafe"

// What producers do. All of it but commit and discard is under their mutex; where
// that is abandoned there is nothing to repair: a record whose tail was not stored does
// not exist.

// add puts a record into the ring, if there is room.
func (m *memory) add(data []byte) bool {
	first := m.tail.get()
	tail, ok := m.write(first, data)
	if ok {
		m.tail.publish(tail)
		m.prefetch(tail+ahead, tail-first)
	}
	return ok
}

// addBatch is add of several records, of which nobody sees any before all are there.
// It returns how many that are.
func (m *memory) addBatch(records [][]byte) (n int) {
	first := m.tail.get()
	tail := first
	for n < len(records) && len(records[n]) <= copied && tail-first < mostAtOnce {
		next, ok := m.write(tail, records[n])
		if !ok {
			break
		}
		tail = next
		n++
	}
	if n > 0 {
		m.tail.publish(tail)
		m.prefetch(tail+ahead, tail-first)
	}
	return n
}

// mostAtOnce is how many units are copied at once.
const mostAtOnce = 32 << 10 / unit

// write is add, at a tail that is not published yet.
func (m *memory) write(tail uint32, data []byte) (next uint32, ok bool) {
	n := units(uint32(len(data)))
	at, ok := m.place(tail, n)
	if !ok {
		return tail, false
	}
	r := m.record(at)
	r.state.put(committed)
	r.length.put(uint32(len(data)))
	m.fill(at, data)
	return at + n, true
}

// reserve puts a record into the ring that its member is going to write.
func (m *memory) reserve(length, me uint32) (at uint32, ok bool) {
	n := units(length)
	at, ok = m.place(m.tail.get(), n)
	if !ok {
		return 0, false
	}
	r := m.record(at)
	r.length.put(length)
	r.state.put(me)
	m.tail.publish(at + n)
	return at, true
}

// commit is the end of a reservation, and discard the other one.
func (m *memory) commit(at uint32)  { m.record(at).state.store(committed) }
func (m *memory) discard(at uint32) { m.record(at).state.store(padding) }

// place makes room for n units at tail, or after padding there.
func (m *memory) place(tail, n uint32) (at uint32, ok bool) {
	gap := m.gap(tail, n)
	if tail+gap+n-m.head.get() > m.size {
		head, ok := m.oldest()
		if !ok || tail+gap+n-head > m.size {
			return 0, false
		}
		m.head.put(head)
	}
	m.pad(tail, gap)
	return tail + gap, true
}

// roomFor tells whether it is worth while to ask for room under the mutex. It may say so
// wrongly, but not the opposite: where nobody can tell it says yes.
func (m *memory) roomFor(n uint32) bool {
	tail := m.tail.load()
	head, ok := m.oldest()
	return !ok || tail+m.gap(tail, n)+n-head <= m.size
}

// room is how much there is, as far as one can see.
func (m *memory) room() uint32 {
	head, _ := m.oldest()
	return m.size - (m.tail.load() - head)
}

// oldest is up to where nothing is needed any more. It can't be told while
// something goes from one lease to another, which may be looked at in the wrong order.
//
// Without that a lease may end meanwhile and its cell be filled again, for records
// that were above read here. So read comes first.
func (m *memory) oldest() (at uint32, ok bool) {
	moves := m.moves.load()
	if moves&1 != 0 {
		return 0, false
	}
	oldest := m.read.load()
	for i := range min(m.used.load(), uint32(len(m.cells))) {
		c := &m.cells[i]
		if c.owner.load() == 0 {
			continue
		}
		from := c.from.load()
		// Of a lease that others have cut short nothing may be left, which its owner
		// sees when he comes for more.
		if s := c.span(); int32(from-oldest) < 0 && from != s.end(c.given.load()) {
			oldest = from
		}
	}
	return oldest, m.moves.load() == moves
}

func (m *memory) fill(at uint32, data []byte) {
	to := m.bytes(at, uint32(len(data)))
	for len(data) >= 2*chunk {
		prefetch(unsafe.Pointer(&to[chunk]), chunk)
		copy(to[:chunk], data)
		to, data = to[chunk:], data[chunk:]
	}
	copyIn(to, data)
}

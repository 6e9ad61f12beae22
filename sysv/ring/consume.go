package ring

// What consumers do. claim, cut, park, requeue and repair are under their mutex; take and
// done are not, for a lease has one owner.

// idle is a cell that nobody has. One is left for what has to be given again, which
// may have it if spare is true.
func (m *memory) idle(spare bool) (i uint32, ok bool) {
	found := 0
	for k := range m.cells {
		if m.cells[k].owner.load() != 0 {
			continue
		}
		if found++; found == 1 {
			i = uint32(k)
		}
		if found == 2 || spare {
			if i >= m.used.get() {
				m.used.store(i + 1)
			}
			return i, true
		}
	}
	return 0, false
}

// lay fills a cell with records of which those up to delivered are so. Its owner
// comes afterwards.
func (c *cell) lay(s span, alone, delivered uint32) {
	c.base.put(s.base)
	c.to.put(s.to)
	c.alone.put(alone)
	c.from.put(s.base)
	c.given.put(pair(s.offset(delivered), s.whole()))
}

// claim leases records that nobody has had yet, of most units if they are more than one,
// and delivers the first. dead, if there is one, tells whether the member is dead that a
// word names.
func (m *memory) claim(me, most uint32, dead func(word uint32) (bool, error)) (i uint32, d delivery, ok bool, err error) {
	read := m.read.get()
	tail := m.tail.load()
	if tail-read > m.size {
		return 0, d, false, errCorrupt
	}
	s := span{read, read}
	var stop error
	for at := read; at != tail; {
		r := m.record(at)
		state := r.state.load()
		if state >= reserved {
			// What a dead producer has not finished nobody will, and it is in the way. He
			// may have finished it since, and died then.
			if s.base != s.to || dead == nil {
				break
			}
			gone, err := dead(state)
			if err != nil {
				stop = err
				break
			}
			if !gone {
				break
			}
			r.state.swap(state, padding)
			continue
		}
		length, n, err := m.extent(at, tail-at)
		if err != nil {
			return 0, d, false, err
		}
		switch state & kinds {
		case committed:
			if s.base == s.to {
				s.base = at
				d = delivery{at, length, state}
			} else if at+n-s.base > most {
				goto full
			}
			s.to = at + n
		case padding:
			if s.base == s.to {
				s = span{at + n, at + n}
			}
		default:
			return 0, d, false, errCorrupt
		}
		at += n
	}
full:
	if s.base == s.to {
		if s.base != read {
			m.read.publish(s.base)
		}
		return 0, d, false, stop
	}
	i, ok = m.idle(false)
	if !ok {
		return 0, d, false, nil
	}
	c := &m.cells[i]
	c.lay(s, 0, d.end())
	c.owner.publish(me)
	m.read.publish(s.to)
	return i, d, true, nil
}

// take delivers the next records of a lease to its owner, most at once, and appends
// them.
func (m *memory) take(i uint32, open []opened, most int) ([]opened, error) {
	c := &m.cells[i]
	s := span{c.base.get(), c.to.get()}
	first := len(open)
retry:
	for ; ; open = open[:first] {
		given := c.given.load()
		if !undelivered(given) {
			return open, nil
		}
		at, end := s.delivered(given), s.end(given)
		if s.to-s.base > m.size || end-s.base > s.to-s.base || at-s.base > end-s.base {
			return open, errCorrupt
		}
		for at != end && len(open)-first < most {
			state := m.record(at).state.load()
			length, n, err := m.extent(at, end-at)
			if err != nil && c.given.load() != given {
				continue retry // others have cut it off since, and others written over it
			}
			if err != nil {
				return open[:first], err
			}
			if m.left(c, state) {
				open = append(open, opened{delivery: delivery{at, length, state}})
			}
			at += n
		}
		if c.given.swap(given, pair(s.offset(at), given&0xffff)) {
			return open, nil
		}
	}
}

// left tells whether a record of a lease is still to be done with in it.
func (m *memory) left(c *cell, state uint32) bool {
	return state&kinds == committed && (state&taken == 0 || c.alone.get() != 0)
}

// done says that a lease's records up to a position are done with, and whether it is
// over. all is true if its owner has none that was delivered any more.
func (m *memory) done(i, upTo uint32, all bool) (over bool) {
	c := &m.cells[i]
	if all && !undelivered(c.given.load()) {
		c.owner.store(0)
		return true
	}
	c.from.store(upTo)
	return false
}

// doneEarly is done with a record before others that came earlier.
func (m *memory) doneEarly(at, state uint32) {
	m.record(at).state.store(state&^kinds | finished)
}

// older leases what comes before all that nobody has had: what anybody may have, or
// what another is to deliver and has not yet, the oldest of it. So who consumes gets
// records in their order, whoever else does.
func (m *memory) older(me uint32) (i uint32, ok bool) {
	for {
		k, ok := m.oldestLeft(me)
		if !ok {
			return 0, false
		}
		if c := &m.cells[k]; c.owner.load() == parked {
			c.owner.store(me)
			return k, true
		}
		if i, ok, again := m.cut(me, k); !again {
			return i, ok
		}
	}
}

// oldestLeft is the lease that has the oldest record to be had from others.
func (m *memory) oldestLeft(me uint32) (i uint32, ok bool) {
	var first uint32
	for k := range min(m.used.load(), uint32(len(m.cells))) {
		c := &m.cells[k]
		owner := c.owner.load()
		if owner == 0 || owner == me || owner == stuck {
			continue
		}
		given := c.given.load()
		if owner != parked && !undelivered(given) {
			continue
		}
		if at := c.span().delivered(given); !ok || int32(at-first) < 0 {
			i, first, ok = k, at, true
		}
	}
	return i, ok
}

// cut leases what another is to deliver in his lease and has not yet. again is true
// where he has, meanwhile.
func (m *memory) cut(me, k uint32) (i uint32, ok, again bool) {
	c := &m.cells[k]
	for given := c.given.load(); undelivered(given); given = c.given.load() {
		if i, ok = m.idle(true); !ok {
			return 0, false, false
		}
		s := c.span()
		cut := pair(given>>16, given>>16)
		at := s.delivered(given)
		m.cells[i].lay(span{at, s.end(given)}, c.alone.get(), at)
		m.journal.cell.put(k)
		m.journal.other.put(i)
		m.journal.value.put(cut)
		m.begin(cutting)
		ok = c.given.swap(given, cut)
		if ok {
			m.cells[i].owner.store(me)
		}
		m.end()
		if ok {
			return i, true, false
		}
	}
	return 0, false, true
}

// requeue gives a delivered record of a lease to others, and tells whether the lease
// is over with that. If there is no cell for it, nothing happens.
func (m *memory) requeue(i, at, state uint32) (ok, over bool) {
	return m.put(i, at, again(state)|taken, parked)
}

// put moves a delivered record of a lease into another, which it has alone.
func (m *memory) put(i, at, state, owner uint32) (ok, over bool) {
	c := &m.cells[i]
	other := i
	if over = c.alone.get() != 0; !over {
		if other, ok = m.idle(true); !ok {
			return false, false
		}
		_, n, err := m.extent(at, m.size)
		if err != nil {
			return false, false
		}
		m.cells[other].lay(span{at, at + n}, 1, at)
	}
	m.journal.other.put(other)
	m.journal.at.put(at)
	m.journal.value.put(state)
	m.journal.cell.put(owner)
	m.begin(moving)
	m.move()
	m.end()
	return true, over
}

// park makes of a dead member's lease one that anybody may take. What was delivered
// has one attempt more.
func (m *memory) park(i uint32) error {
	c := &m.cells[i]
	s := c.span()
	from := c.from.load()
	if given := c.given.load(); from == s.end(given) {
		c.owner.store(0)
		return nil
	}
	m.journal.cell.put(i)
	m.journal.at.put(from)
	m.journal.valueOf.put(from - 1)
	m.begin(counting)
	err := m.count()
	m.end()
	return err
}

// begin says what is to come, and end that it has come.
func (m *memory) begin(op uint32) {
	m.moves.store(m.moves.get() + 1)
	m.journal.op.store(op)
}

func (m *memory) end() {
	m.journal.op.store(nothing)
	m.moves.store(m.moves.get() + 1)
}

// move does what the journal says. To do it again changes nothing.
func (m *memory) move() {
	j := &m.journal
	m.record(j.at.get()).state.store(j.value.get())
	c := &m.cells[j.other.get()%uint32(len(m.cells))]
	c.given.store(c.span().whole())
	c.owner.store(j.cell.get())
}

// count goes through the records of a dead member's lease that were delivered. For
// each it writes down the state, then for which record that is, then changes it, then
// goes on: who begins again in the middle adds no attempt twice.
func (m *memory) count() error {
	j := &m.journal
	c := &m.cells[j.cell.get()%uint32(len(m.cells))]
	s := c.span()
	given := c.given.load()
	if j.op.get() == counting {
		end := s.delivered(given)
		if s.to-s.base > m.size || end-j.at.load() > s.to-s.base {
			return errCorrupt
		}
		for at := j.at.load(); at != end; at = j.at.load() {
			r := m.record(at)
			_, n, err := m.extent(at, end-at)
			if err != nil {
				return err
			}
			if j.valueOf.load() != at {
				state := r.state.load()
				if m.left(c, state) {
					state = again(state)
				}
				j.value.store(state)
				j.valueOf.store(at)
			}
			r.state.store(j.value.load())
			j.at.store(at + n)
		}
		j.op.store(counted)
	}
	c.given.store(pair(s.offset(c.from.load()), given&0xffff))
	c.owner.store(parked)
	return nil
}

// repair is for who finds the consumers' mutex abandoned.
func (m *memory) repair() error {
	j := &m.journal
	switch j.op.load() {
	case cutting:
		c, other := &m.cells[j.cell.get()%uint32(len(m.cells))], &m.cells[j.other.get()%uint32(len(m.cells))]
		if c.given.load() == j.value.get() {
			other.owner.store(parked)
		}
	case moving:
		m.move()
	case setting:
		if m.asideTail.load() == j.value.get() {
			m.doneEarly(j.at.get(), m.record(j.at.get()).state.load())
		}
	case counting, counted:
		if err := m.count(); err != nil {
			return err
		}
	}
	// Leases that were not made: read is not past them.
	read := m.read.load()
	for i := range m.cells {
		c := &m.cells[i]
		if c.owner.load() != 0 && int32(c.from.load()-read) >= 0 {
			c.owner.store(0)
		}
	}
	j.op.store(nothing)
	if moves := m.moves.load(); moves&1 != 0 {
		m.moves.store(moves + 1)
	}
	return nil
}

// work tells whether there is something for who has nothing to do, without the
// mutex. It may say so wrongly, but not the opposite: what it misses while it looks
// somebody rings for.
func (m *memory) work(me uint32) bool {
	read := m.read.load()
	if m.tail.load() != read {
		if state := m.record(read).state.load(); state < reserved || m.read.load() != read {
			return true
		}
	}
	for i := range min(m.used.load(), uint32(len(m.cells))) {
		c := &m.cells[i]
		switch owner := c.owner.load(); owner {
		case 0, me, stuck:
		case parked:
			return true
		default:
			if undelivered(c.given.load()) {
				return true
			}
		}
	}
	return false
}

// claimable tells whether something can be claimed, or is parked, as far as one can see
// at once.
func (m *memory) claimable() bool {
	// Both lines come from another processor while somebody looks again and again: so he
	// asks for both at once. The state may be an older one's, and is looked at again then.
	read := m.read.load()
	state := m.record(read).state.load()
	if m.tail.load() != read && (state < reserved || m.record(read).state.load() < reserved) {
		return true
	}
	for i := range min(m.used.load(), uint32(len(m.cells))) {
		if m.cells[i].owner.load() == parked {
			return true
		}
	}
	return false
}

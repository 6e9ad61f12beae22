package ring

import "bytes"

// A record that was delivered in vain as often as the limit says is not delivered any
// more: it goes into a ring of its own, where it can be looked at. All of this is under
// the consumers' mutex.

// spent tells whether a record is to be set aside.
func (m *memory) spent(d delivery) bool {
	return m.limit > 0 && attempts(d.state) >= m.limit
}

// setAside copies a record that this process was given, if there is room. That the
// ring aside has it and that its lease has it no more are two stores: the journal has
// what the first one makes of the tail.
func (m *memory) setAside(d delivery) bool {
	n := units(d.length)
	tail, read := m.asideTail.get(), m.asideRead.get()
	gap := m.aside.gap(tail, n)
	at := tail + gap
	if n > m.aside.size || tail-read > m.aside.size || at+n-read > m.aside.size {
		return false
	}
	m.aside.pad(tail, gap)
	r := m.aside.record(at)
	r.length.put(d.length)
	r.state.put(d.state)
	copy(m.aside.bytes(at, d.length), m.bytes(d.at, d.length))
	m.journal.at.put(d.at)
	m.journal.value.put(at + n)
	m.begin(setting)
	m.asideTail.store(at + n)
	m.doneEarly(d.at, d.state)
	m.end()
	return true
}

// lookAside returns a copy of the oldest record that is set aside, and where it is.
func (m *memory) lookAside() (data []byte, tries, at uint32, ok bool, err error) {
	tail, at := m.asideTail.get(), m.asideRead.get()
	if tail-at > m.aside.size {
		return nil, 0, 0, false, errCorrupt
	}
	for at != tail {
		length, n, err := m.aside.extent(at, tail-at)
		if err != nil {
			return nil, 0, 0, false, err
		}
		if state := m.aside.record(at).state.get(); state&kinds != padding {
			return bytes.Clone(m.aside.bytes(at, length)), attempts(state), at, true, nil
		}
		at += n
	}
	return nil, 0, 0, false, nil
}

// forgetAside takes the oldest record away, which lookAside has returned: if nobody
// has done that. What had no room is tried again.
func (m *memory) forgetAside(at, length uint32) {
	if read := m.asideRead.get(); at-read >= m.aside.size || at == m.asideTail.get() {
		return
	}
	m.asideRead.store(at + units(length))
	for i := range m.cells {
		if c := &m.cells[i]; c.owner.load() == stuck {
			c.owner.store(parked)
		}
	}
}

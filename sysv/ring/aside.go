package ring

import "unsafe"

// A record that was delivered in vain as often as the limit says is not delivered any
// more: it goes into a ring of its own, where it can be looked at. All of this is under
// the consumers' mutex.

// spent tells whether a record is to be set aside.
func (m *memory) spent(d delivery) bool {
	return m.limit > 0 && attempts(d.state) >= m.limit
}

func (m *memory) asideRecord(at uint32) *record {
	return (*record)(unsafe.Add(m.aside, uintptr(at&(m.asideSize-1))*unit))
}

// setAside copies a record that this process was given, if there is room. That the
// ring aside has it and that its lease has it no more are two stores: the journal has
// what the first one makes of the tail.
func (m *memory) setAside(d delivery) bool {
	n := units(d.length)
	tail, read := m.asideTail.get(), m.asideRead.get()
	gap := uint32(0)
	if left := m.asideSize - tail&(m.asideSize-1); n > left {
		gap = left
	}
	if n > m.asideSize || tail-read > m.asideSize || tail+gap+n-read > m.asideSize {
		return false
	}
	if gap != 0 {
		r := m.asideRecord(tail)
		r.length.put(gap*unit - unit)
		r.state.put(padding)
	}
	r := m.asideRecord(tail + gap)
	r.length.put(d.length)
	r.state.put(d.state)
	copy(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), unit)), d.length), m.bytes(d.at, d.length))
	m.journal.at.put(d.at)
	m.journal.value.put(tail + gap + n)
	m.begin(setting)
	m.asideTail.store(tail + gap + n)
	m.doneEarly(d.at, d.state)
	m.end()
	return true
}

// lookAside returns a copy of the oldest record that is set aside, and where it is.
func (m *memory) lookAside() (data []byte, tries, at uint32, ok bool, err error) {
	tail, at := m.asideTail.get(), m.asideRead.get()
	if tail-at > m.asideSize {
		return nil, 0, 0, false, errCorrupt
	}
	for at != tail {
		r := m.asideRecord(at)
		length := r.length.get()
		n := units(length)
		if length/unit >= m.asideSize || n > tail-at || at&(m.asideSize-1)+n > m.asideSize {
			return nil, 0, 0, false, errCorrupt
		}
		if state := r.state.get(); state&kinds != padding {
			data = make([]byte, length)
			copy(data, unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), unit)), length))
			return data, attempts(state), at, true, nil
		}
		at += n
	}
	return nil, 0, 0, false, nil
}

// forgetAside takes the oldest record away, which lookAside has returned: if nobody
// has done that. What had no room is tried again.
func (m *memory) forgetAside(at, length uint32) {
	if read := m.asideRead.get(); at-read >= m.asideSize || at == m.asideTail.get() {
		return
	}
	m.asideRead.store(at + units(length))
	for i := range m.cells {
		if c := &m.cells[i]; c.owner.load() == stuck {
			c.owner.store(parked)
		}
	}
}

package ring

// A queue has come to its end when a producer has finished, none is left that lives and
// has not, and every record is done with. A producer that comes later opens it again.

// produce says that this member sends, before it does for the first time, and so that
// who finds the queue at its end sees one or the other.
func (q *member) produce() { q.producing[q.slot()].store(q.me) }

// endProducing is for who has sent all that he had.
func (q *member) endProducing() {
	q.producing[q.slot()].store(0)
	q.ended.store(1)
	q.notEmpty.ring()
}

// atEnd tells whether the queue has come to its end, under the consumers' mutex. First
// the producers, then what they have sent.
func (q *member) atEnd() (bool, error) {
	if q.ended.load() == 0 {
		return false, nil
	}
	for i := range q.producing {
		word := q.producing[i].load()
		if word == 0 {
			continue
		}
		if word < reserved || word == q.me {
			return false, nil
		}
		if dead, err := q.dead(word); !dead || err != nil {
			return false, err
		}
	}
	return !q.anythingLeft(), nil
}

// seemsEnded is atEnd as far as one can see without a system call: for whom the dead
// count as if they lived.
func (m *memory) seemsEnded() bool {
	if m.ended.load() == 0 {
		return false
	}
	for i := range m.producing {
		if m.producing[i].load() != 0 {
			return false
		}
	}
	return !m.anythingLeft()
}

// anythingLeft tells whether there is a record that is not done with. Who asks without
// the mutex may miss one that goes from one lease to another.
func (m *memory) anythingLeft() bool {
	if m.read.load() != m.tail.load() {
		return true
	}
	for i := range min(m.used.load(), uint32(len(m.cells))) {
		c := &m.cells[i]
		if c.owner.load() != 0 && c.from.load() != c.span().end(c.given.load()) {
			return true
		}
	}
	return false
}

package lock

// poison tells the members of a group that it is removed, before another can
// stand beside it: who is inside stays there until he unlocks, and nobody comes
// in after him. It needs no other step of theirs than their next: they may use
// the mutexes without a system call.
//
// First the mark, for who takes a mutex after it was found free here, and for
// who gives one back, whom W sends to look at the mark. Then the word.
func (m memory) poison() {
	for i := range m.cells {
		c := &m.cells[i]
		c.marks.Or(removedMark)
		for {
			s := c.word.Load()
			next := s | waiters
			if s&^waiters == 0 {
				next = removed
			}
			if c.word.CompareAndSwap(s, next) {
				break
			}
		}
	}
}

package lock

// poison tells the members of a group that it is removed, before another can
// stand beside it: who is inside stays there until he unlocks, and nobody comes
// in after him. It needs no other step of theirs than their next: they may use
// the mutexes without a system call.
func (m memory) poison() {
	locks := len(m.cells) - m.rwmutexes()
	for i := range m.cells {
		for p := (poisoning{at: condemning, shared: i >= locks}); p.at != done; {
			p.step(&m.cells[i])
		}
	}
}

// A poisoning is what poison does to a mutex. First the mark, for who takes it after
// it was found free here, and for who gives it back, whom W sends to look at the
// mark. Then the word.
type poisoning struct {
	at     place
	shared bool   // it is a RWMutex's
	seen   uint32 // the word as it was last
}

func (p *poisoning) step(w told) {
	switch p.at {
	case condemning:
		w.mark(removedMark)
		p.at = looking
	case looking:
		p.seen = w.load()
		p.at = shutting
	case shutting:
		p.at = looking
		next := p.seen | waiters
		if p.seen&^waiters == 0 {
			next = removed
		}
		if !w.swap(p.seen, next) {
			return
		}
		if p.at = done; p.shared {
			p.at = telling
		}
	case telling: // readers that wait
		w.tell(writerGone)
		p.at = calling
	case calling: // a writer that waits for readers
		w.tell(readersGone)
		p.at = done
	}
}

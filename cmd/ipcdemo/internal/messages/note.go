package messages

// cell is what one consumer got from one producer. It alone writes it, and the
// parent reads it after the consumer's end.
type cell struct {
	Count      uint32
	Next       uint32 // number after the highest one
	Late       uint32 // that came after one with a higher number
	FirstLate  uint32 // the number of the first of those,
	LateAfter  uint32 // and the number that it came after
	Again      uint32 // that had arrived before, here or elsewhere
	FirstAgain uint32
	Given      uint32 // that had been delivered before, to consumers that had died
	Noted      uint32 // and of those, that had arrived before, here or elsewhere
}

// cell is that of a consumer for a producer, or with Producers for nobody.
func (l *ledger) cell(consumer, producer int) *cell {
	return &l.cells[consumer*(int(l.Producers)+1)+producer]
}

// note writes down what a consumer got. What it got in a dead one's place may have
// arrived before, and be older than what it had.
func (l *ledger) note(consumer int, r record) {
	producer, n, ok := l.read(r.data)
	if !ok {
		l.cell(consumer, int(l.Producers)).Count++
		return
	}
	c := l.cell(consumer, producer)
	c.Count++
	before := l.mark(producer, n)
	switch {
	case r.attempts > 0:
		c.Given++
		if before {
			c.Noted++
		}
		return
	case before:
		if c.Again == 0 {
			c.FirstAgain = n
		}
		c.Again++
	case n < c.Next:
		if c.Late == 0 {
			c.FirstLate, c.LateAfter = n, c.Next-1
		}
		c.Late++
	}
	c.Next = max(c.Next, n+1)
}

// mark says that a message has arrived, and tells whether it had before.
func (l *ledger) mark(producer int, n uint32) (before bool) {
	i := l.first(producer) + n
	bit := uint32(1) << (i % 32)
	return l.seen[i/32].Or(bit)&bit != 0
}

func (l *ledger) arrived(producer int, n uint32) bool {
	i := l.first(producer) + n
	return l.seen[i/32].Load()&(1<<(i%32)) != 0
}

// missing lists which of a producer's first sent messages did not arrive.
func (l *ledger) missing(producer int, sent uint32) (ranges numbers) {
	for n := range sent {
		if !l.arrived(producer, n) {
			ranges.add(n)
		}
	}
	return ranges
}

package event

// The protocol of a Count. Its word is
//
//	sequence (30 bits) | odd | even
//
// Who is going to sleep sets the mark of his sequence, even or odd, by a
// compare-and-swap that fails if the word has changed, and has the kernel put him
// to sleep only if the word is still that. Who advances adds to the sequence, and
// if he then sees a mark, wakes everybody; then he takes away the mark of the
// sequence before, unless somebody has advanced meanwhile. So whoever sleeps has his
// mark in the word, whatever has become of others: the next to advance wakes him.
//
// One mark would not do. If it is taken away with the addition, who is killed
// before he wakes the others has taken it from those who sleep; if afterwards, it
// is that of those who have come to wait since.
//
// What each does is a machine that takes one step at a time, with one access to the
// word, so that the tests explore every order in which steps can follow each other,
// with a death at each.

const (
	marks = 3 // those who wait
	one   = marks + 1
)

func sequence(word uint32) Seen { return Seen(word >> 2) }

// mark is that of those who wait while the sequence is seen.
func mark(seen Seen) uint32 { return 1 << (seen & 1) }

// older is the mark of those who waited before the sequence became that of word.
func older(word uint32) uint32 { return mark(sequence(word) - 1) }

// A memory is a word that is shared, and those who sleep on it.
type memory interface {
	load() uint32
	add(delta uint32) (now uint32)
	swap(old, new uint32) bool // compare-and-swap
	wake()                     // everybody
}

// A bed is a memory to sleep on: until somebody wakes all, or for no reason, and not
// at all if the word is no longer value.
type bed interface {
	memory
	sleep(value uint32)
}

// A place is what a machine is going to do.
type place uint8

const (
	looking place = iota
	marking
	sleeping
	adding
	waking
	clearing
	checking
	done
)

// atPlace is called before each step where it is not nil: tests end processes there.
var atPlace func(place)

func at(p place) {
	if atPlace != nil {
		atPlace(p)
	}
}

// A waiting is somebody who waits for the sequence not to be seen.
type waiting struct {
	at    place
	seen  Seen
	value uint32 // the word as it was last
}

func (w *waiting) step(b bed) {
	switch w.at {
	case looking:
		w.value = b.load()
		switch {
		case sequence(w.value) != w.seen:
			w.at = done
		case w.value&mark(w.seen) == 0:
			w.at = marking
		default:
			w.at = sleeping
		}
	case marking:
		w.at = looking
		if marked := w.value | mark(w.seen); b.swap(w.value, marked) {
			w.value, w.at = marked, sleeping
		}
	case sleeping:
		w.at = looking
		b.sleep(w.value)
	}
}

// An announcement sets the mark of the present sequence, and says which that is.
type announcement struct {
	at    place
	seen  Seen
	value uint32
}

func (a *announcement) step(m memory) {
	switch a.at {
	case looking:
		a.value = m.load()
		a.seen = sequence(a.value)
		a.at = marking
		if a.value&mark(a.seen) != 0 {
			a.at = done
		}
	case marking:
		a.at = looking
		if m.swap(a.value, a.value|mark(a.seen)) {
			a.at = done
		}
	}
}

// An advance begins by adding, or by looking whether anybody waits at all.
type advance struct {
	at  place
	now uint32 // the word after the addition, and as it was last
}

func (a *advance) step(m memory) {
	switch a.at {
	case looking:
		a.at = done
		if m.load()&marks != 0 {
			a.at = adding
		}
	case adding:
		a.now = m.add(one)
		a.at = done
		if a.now&marks != 0 {
			a.at = waking
		}
	case waking:
		m.wake()
		a.at = clearing
		if a.now&older(a.now) == 0 {
			a.at = done
		}
	case clearing:
		a.at = checking
		if m.swap(a.now, a.now&^older(a.now)) {
			a.at = done
		}
	case checking:
		word := m.load()
		a.at = done
		if sequence(word) == sequence(a.now) && word&older(word) != 0 {
			a.now, a.at = word, clearing
		}
	}
}

package event

// Sleep is a sleep on a word of 0, without a look before.
func Sleep(c *Count) error {
	b := bedroom{Count: c, end: monotonic() + looksAgain}
	b.sleep(0)
	return b.failure()
}

// NeverLook has waiters return for a reason only, so that one who is forgotten waits for
// ever. It returns what ends that.
func NeverLook() (end func()) {
	before := looksAgain
	looksAgain = 1 << 40
	return func() { looksAgain = before }
}

// AtPlace has f called before each step of the protocol, with the name of its place.
func AtPlace(f func(name string)) { atPlace = func(p place) { f(p.String()) } }

// Waiting is how many goroutines of this process wait on a Count.
func Waiting(c *Count) (n int) {
	r := &rooms[c.place()]
	r.Lock()
	defer r.Unlock()
	for in := r.crowds; in != nil; in = in.next {
		if in.Count != c {
			continue
		}
		n = 1
		for w := in.others.first; w != nil; w = w.next {
			n++
		}
	}
	return n
}

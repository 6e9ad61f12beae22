package lock

// Queued returns how many goroutines queue for a mutex in Go, behind the one
// whose turn it is.
func Queued(m *Mutex) int { return m.turn.Queued() }

// Visits is how many calls of this process look round or wait at a RWMutex.
func Visits(m *RWMutex) int { return int(m.visits.Load()) }

// TakeSlot is joining, but for the door.
func TakeSlot(g *Group, slot int) error {
	e := entry{at: numbering, slot: slot}
	for e.at != closing {
		e.step(register{Group: g})
	}
	return e.err
}

// PromiseToken is a step of the first use of a mutex.
func PromiseToken(m *Mutex) error { return m.promiseToken() }

// LookedLately tells whether calls need not look whether the group is there still.
func LookedLately(g *Group) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.watch.looked
}

package lock

import "runtime"

// spins is how often the word of a mutex is looked at before its waiter goes to
// sleep: some time less than falling asleep and waking up take.
const spins = 400

// looks is how often it is looked whether a RWMutex's writer or reader has gone, with a
// pause after each. A look takes the cache line from him, who needs it two or three times
// until he is gone: without pauses reads with one write among twenty take twice as long.
// For a Mutex it is the other way round: who looks all the time gets it.
const (
	looks = 8
	pause = 1500 // turns of an empty loop
)

// tries is so often, or once where whoever is waited for can't go on meanwhile.
func tries(often int) int {
	if runtime.NumCPU() == 1 {
		return 1
	}
	return often
}

// spin takes the mutex if it becomes free within a moment. It is the first step
// of Lock, done again and again.
func (m *Mutex) spin(me uint32) bool {
	for range tries(spins) {
		if m.word.Load() == 0 && m.word.CompareAndSwap(0, me) {
			return true
		}
	}
	return false
}

// spinUntil looks for a moment whether something is so.
func spinUntil(so func() bool) bool {
	for range tries(looks) {
		if so() {
			return true
		}
		for range pause {
		}
	}
	return false
}

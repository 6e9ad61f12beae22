package lock

import "runtime"

// spins is how often the word of a mutex is looked at before its waiter goes to
// sleep: some time less than falling asleep and waking up take.
const spins = 400

// spin takes the mutex if it becomes free within a moment. It is the first step
// of Lock, done again and again.
func (m *Mutex) spin(me uint32) bool {
	tries := spins
	if runtime.NumCPU() == 1 {
		tries = 1 // whoever has it can't go on meanwhile
	}
	for range tries {
		if m.word.Load() == 0 && m.word.CompareAndSwap(0, me) {
			return true
		}
	}
	return false
}

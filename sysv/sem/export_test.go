package sem

// Queued returns how many goroutines queue for a semaphore in Go, behind the
// one whose turn it is.
func Queued(s *Set, num int) int { return s.gate(num).Queued() }

// AtStep has f called with the name of each step of a creation.
func AtStep(f func(string)) { step = f }

// AfterLook has f called after each look at a set, before what was seen is judged. It
// returns what ends that.
func AfterLook(f func(id int)) (end func()) {
	look := kind.Stat
	kind.Stat = func(id int) (Stat, error) {
		stat, err := look(id)
		f(id)
		return stat, err
	}
	return func() { kind.Stat = look }
}

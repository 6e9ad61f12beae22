package sem

// Queued returns how many goroutines queue for a semaphore in Go, behind the
// one whose turn it is.
func Queued(s *Set, num int) int { return s.gate(num).Queued() }

// AtStep has f called with the name of each step of a creation.
func AtStep(f func(string)) { step = f }

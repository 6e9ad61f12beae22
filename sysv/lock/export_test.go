package lock

// Queued returns how many goroutines queue for a mutex in Go, behind the one
// whose turn it is.
func Queued(m *Mutex) int { return m.turn.Queued() }

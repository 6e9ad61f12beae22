package turn

// HoldQueue keeps the queue as it is until release is called: who wants to queue
// has to wait for that.
func (t *Turn) HoldQueue() (release func()) {
	t.mu.Lock()
	return t.mu.Unlock
}

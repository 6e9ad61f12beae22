package ring

import (
	"context"
	"errors"
)

// An Aside is a copy of a record that is not delivered any more: its attempts have come
// to the limit.
type Aside struct {
	// Data is what it contains, and Attempts how often it was delivered in vain.
	Data     []byte
	Attempts int

	queue      *Queue
	at, length uint32
}

// Aside returns the oldest record that is set aside. It stays there until Forget.
func (q *Queue) Aside(ctx context.Context) (a Aside, ok bool, err error) {
	err = q.underConsumers(ctx, "Aside", func() (bool, error) {
		var tries uint32
		a.Data, tries, a.at, ok, err = q.lookAside()
		if ok {
			a.queue, a.length, a.Attempts = q, uint32(len(a.Data)), int(tries)
		}
		return false, err
	})
	return a, ok && err == nil, err
}

// Forget takes the record away, unless somebody has done that, and makes room for
// another. Of an Aside that Aside did not return with true the error is [ErrNotHeld].
func (a *Aside) Forget(ctx context.Context) error {
	if a.queue == nil {
		return ErrNotHeld
	}
	return a.queue.underConsumers(ctx, "Aside.Forget", func() (bool, error) {
		a.queue.forgetAside(a.at, a.length)
		return true, nil
	})
}

// underConsumers does something under the consumers' mutex.
func (q *Queue) underConsumers(ctx context.Context, call string, do func() (changed bool, err error)) error {
	repaired, err := q.lockConsumers(ctx)
	if err != nil {
		return q.failed(call, err)
	}
	changed, err := do()
	if err := errors.Join(err, q.unlockConsumers(repaired || changed)); err != nil {
		return q.failed(call, err)
	}
	return nil
}

package messages

import (
	"context"
	"sync/atomic"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv/event"
)

// stage is what all wait for. Whoever changes it, or the state of a slot, says so.
type stage struct {
	Changed event.Count
	Ready   atomic.Uint32 // workers that have come
	Open    atomic.Uint32 // 1 from when they may begin
	_       [52]byte
}

// allReady waits until every producer and every consumer has come.
func (l *ledger) allReady(ctx context.Context) error {
	return l.Changed.Until(ctx, func() bool { return l.Ready.Load() == uint32(l.workers()) })
}

// open lets them begin.
func (l *ledger) open() {
	l.Open.Store(1)
	l.Changed.Advance()
}

// meet says that a worker is ready and waits until it may begin.
func (l *ledger) meet(ctx context.Context) error {
	l.Ready.Add(1)
	l.Changed.Advance()
	return l.Changed.Until(ctx, func() bool { return l.Open.Load() != 0 })
}

// mourn waits until all consumers that are to be killed have come to that.
func (l *ledger) mourn(ctx context.Context) error {
	_, victims := l.victims()
	return l.Changed.Until(ctx, func() bool {
		for i := range int(victims) {
			if s := l.slots[int(l.Producers)+i].State.Load(); s == children.Free || s == children.Present {
				return false
			}
		}
		return true
	})
}

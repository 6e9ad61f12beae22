package messages

import (
	"context"
	"errors"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
)

// exchange is what a queue run has: what the records go through, and the ledger.
type exchange struct {
	carrier
	*kind
	key    sysv.Key
	ledger *ledger
}

func createExchange(key sysv.Key, p plan) (*exchange, error) {
	l, err := newLedger(p)
	if err != nil {
		return nil, err
	}
	x := &exchange{kind: p.Through.kind(), key: key, ledger: l}
	if x.carrier, err = x.create(key, l); err != nil {
		return nil, errors.Join(err, l.mem.Detach())
	}
	return x, nil
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

func (x *exchange) remove() error {
	return errors.Join(x.carrier.remove(), x.ledger.mem.Detach())
}

func (x *exchange) removed() error { return term.ExplainRemoved(x.carrier.removed()) }

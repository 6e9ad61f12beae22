package messages

import (
	"errors"

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

func (x *exchange) remove() error {
	return errors.Join(x.carrier.remove(), x.ledger.mem.Detach())
}

func (x *exchange) removed() error { return term.ExplainRemoved(x.carrier.removed()) }

package messages

import (
	"context"
	"fmt"

	"example.com/sysvipc/sysv"
)

// carrier is what takes records from producers to consumers: a message queue or a
// ring, as one process of a run has it.
type carrier interface {
	// reserve returns where a producer is to write its next record, and send sends that.
	reserve(ctx context.Context) ([]byte, error)
	send(ctx context.Context) error
	// receive waits for a record, which is the consumer's until it says that it is
	// done with it. Once finish has been called and nothing is left it is io.EOF.
	receive(ctx context.Context) (record, error)
	done() error
	// finish is for the parent, once all producers have ended. It is to be called
	// again until it says that all is told.
	finish() (told bool, err error)

	// id is that of the queue or of the ring's segment, setID that of the set under
	// the same key.
	id() int
	setID() int
	// removed tells whether one of them is gone.
	removed() error
	// keep marks them as left behind on purpose. remove removes what there is; that
	// somebody was faster is no error.
	keep() error
	remove() error
	// close is for workers, at their end.
	close() error
}

// record is what a consumer has received.
type record struct {
	data     []byte // nil if it is no producer's, whatever it says
	attempts int    // deliveries before this one, to consumers that have died
}

// through is what records go through. Its values stand in the ledger.
type through uint32

const (
	throughMessages through = iota + 1
	throughRing
)

// kind is what is known of a carrier before there is one.
type kind struct {
	name   string // on the command line
	object string // what it is, with the id that it is called by,
	option string // and the option by which ipcs lists it
	unit   string // what goes through it, of which there are many

	// longest is how many bytes a record may have, and why.
	longest func() (bytes int, why string, err error)
	create  func(sysv.Key, *ledger) (carrier, error)
	open    func(ctx context.Context, key sysv.Key, l *ledger, slot int) (carrier, error)
	// takenBy says whose a key is that was to be created.
	takenBy func(sysv.Key) string
	// leases tells whether consumers lease records, so that others take over what one was
	// killed with, after later ones.
	leases bool
}

var kinds = map[through]*kind{throughMessages: &messageKind, throughRing: &ringKind}

func (t *through) UnmarshalText(text []byte) error {
	for what, k := range kinds {
		if k.name == string(text) {
			*t = what
			return nil
		}
	}
	return fmt.Errorf("%q is none of messages and ring", text)
}

func (t through) kind() *kind { return kinds[t] }

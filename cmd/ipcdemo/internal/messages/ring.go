package messages

import (
	"context"
	"errors"
	"fmt"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/shm"
)

var ringKind = kind{
	name: "ring", object: "ring", option: "m", unit: "records",
	longest: longestInRing, create: createRing, open: openRing, takenBy: ringTakenBy,
	leases: true,
}

const (
	ringSize    = 1 << 20
	ringLongest = ringSize/4 - 8
)

func longestInRing() (int, string, error) {
	return ringLongest, "in a ring of 1 MiB", nil
}

// ringCarrier is a ring.Queue. What producers send is written where consumers read it.
type ringCarrier struct {
	queue  *ring.Queue
	set    int // its id
	length int
	place  ring.Reservation
	got    ring.Record
}

// createRing makes a ring that goes with the last who uses it, whatever happens to the
// parent, unless it is to be kept.
func createRing(key sysv.Key, l *ledger) (carrier, error) {
	q, err := ring.CreateQueue(context.Background(), key, &ring.Config{
		Size: ringSize, Processes: l.workers() + 1, Ephemeral: l.Keep == 0})
	if err != nil {
		return nil, err
	}
	c := &ringCarrier{queue: q}
	st, err := q.Stat()
	if err != nil {
		return nil, errors.Join(err, c.remove())
	}
	c.set = st.SetID
	return c, nil
}

func openRing(ctx context.Context, key sysv.Key, l *ledger, _ int) (carrier, error) {
	q, err := ring.OpenQueue(ctx, key, nil)
	if err != nil {
		return nil, err
	}
	return &ringCarrier{queue: q, length: int(l.Size)}, nil
}

func (c *ringCarrier) reserve(ctx context.Context) (_ []byte, err error) {
	c.place, err = c.queue.Reserve(ctx, c.length)
	return c.place.Bytes, err
}

func (c *ringCarrier) send(context.Context) error { return c.place.Commit() }

func (c *ringCarrier) receive(ctx context.Context) (_ record, err error) {
	c.got, err = c.queue.Receive(ctx)
	return record{c.got.Bytes, c.got.Attempts}, err
}

func (c *ringCarrier) done() error { return c.got.Done() }

func (c *ringCarrier) finish() (bool, error) { return true, c.queue.Finish() }

func (c *ringCarrier) id() int    { return c.queue.ID() }
func (c *ringCarrier) setID() int { return c.set }

func (c *ringCarrier) removed() error {
	_, err := c.queue.Stat()
	return err
}

// keep has nothing to mark: nobody uses it any more.
func (c *ringCarrier) keep() error { return c.queue.Close() }

func (c *ringCarrier) remove() error {
	return errors.Join(term.IgnoreRemoved(c.queue.Remove()), c.queue.Close())
}

// close gives back what a worker has that is told to end in the middle of it.
func (c *ringCarrier) close() error {
	c.place.Discard()
	c.got.Requeue(context.Background())
	return term.IgnoreRemoved(c.queue.Close())
}

func ringTakenBy(key sysv.Key) string {
	const foreign = "another program uses it: choose another key"
	seg, err := shm.Open(key, nil)
	if err != nil {
		return foreign
	}
	st, err := ring.InspectQueue(seg.ID())
	if err != nil {
		return foreign
	}
	if len(st.Members) > 0 {
		return fmt.Sprintf("a ring is there that %d processes use: wait for their end, or choose another key", len(st.Members))
	}
	return fmt.Sprintf("a run with --keep, or a killed one, left its ring there; remove it: ipcrm -M %[1]v -S %[1]v", key)
}

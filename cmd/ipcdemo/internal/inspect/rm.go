package inspect

import (
	"context"
	"errors"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

type Rm struct {
	QueueID    []int      `name:"queue-id" short:"q" placeholder:"ID" help:"Remove the message queue with this id; may be repeated, as the others."`
	QueueKey   []term.Key `name:"queue-key" short:"Q" placeholder:"KEY" help:"Remove the message queue with this key."`
	SegmentID  []int      `name:"shmem-id" short:"m" placeholder:"ID" help:"Remove the segment with this id."`
	SegmentKey []term.Key `name:"shmem-key" short:"M" placeholder:"KEY" help:"Remove the segment with this key."`
	SetID      []int      `name:"semaphore-id" short:"s" placeholder:"ID" help:"Remove the set with this id."`
	SetKey     []term.Key `name:"semaphore-key" short:"S" placeholder:"KEY" help:"Remove the set with this key."`
}

func (c *Rm) Validate() error {
	if len(c.QueueID)+len(c.QueueKey)+len(c.SegmentID)+len(c.SegmentKey)+len(c.SetID)+len(c.SetKey) == 0 {
		return errors.New("nothing to remove: give -q ID, -Q KEY, -m ID, -M KEY, -s ID or -S KEY")
	}
	return nil
}

// Run removes all that it can, and fails if it could not remove everything.
func (c *Rm) Run(ctx context.Context) (err error) {
	remove := func(object interface{ Remove() error }, failed error) {
		if failed == nil {
			failed = object.Remove()
		}
		if failed != nil {
			term.Complain(failed)
			err = term.ErrSaid
		}
	}
	for _, id := range c.QueueID {
		q, err := msg.OpenID(id)
		remove(q, err)
	}
	for _, key := range c.QueueKey {
		q, err := msg.Open(sysv.Key(key), nil)
		remove(q, err)
	}
	for _, id := range c.SegmentID {
		seg, err := shm.OpenID(id)
		remove(seg, err)
	}
	for _, key := range c.SegmentKey {
		seg, err := shm.Open(sysv.Key(key), nil)
		remove(seg, err)
	}
	for _, id := range c.SetID {
		set, err := sem.OpenID(id)
		remove(set, err)
	}
	for _, key := range c.SetKey {
		set, err := openSet(ctx, sysv.Key(key))
		remove(set, err)
	}
	return err
}

// openSet opens a set that may never have been given values: what is to be
// removed needs none.
func openSet(ctx context.Context, key sysv.Key) (*sem.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	set, err := sem.Open(ctx, key, nil)
	if e, ok := errors.AsType[*sysv.Error](err); ok && errors.Is(err, sysv.ErrNotInitialized) {
		return sem.OpenID(e.ID)
	}
	return set, err
}

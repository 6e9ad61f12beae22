package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kong"

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
	All        every      `name:"all" short:"a" placeholder:"KIND" help:"Remove all there is, or with --all=shm, --all=msg or --all=sem all of this kind."`
	Verbose    bool       `name:"verbose" short:"v" help:"Say what is removed."`
}

func (c *Rm) Validate() error {
	if len(c.QueueID)+len(c.QueueKey)+len(c.SegmentID)+len(c.SegmentKey)+len(c.SetID)+len(c.SetKey) == 0 && c.All.kinds == (kinds{}) {
		return errors.New("nothing to remove: give -q ID, -Q KEY, -m ID, -M KEY, -s ID, -S KEY or --all")
	}
	return nil
}

// Run removes all that it can, and fails if it could not remove everything.
func (c *Rm) Run(ctx context.Context) (err error) {
	remove := func(object removable, failed error) {
		if failed == nil {
			if c.Verbose {
				fmt.Printf("removing %s\n", nameOf(object))
			}
			failed = object.Remove()
		}
		if failed != nil {
			term.Complain(failed)
			err = term.ErrSaid
		}
	}
	if err := c.addAll(); err != nil {
		return err
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

// removable is a handle to an object.
type removable interface {
	ID() int
	Remove() error
}

func nameOf(object removable) string {
	switch object.(type) {
	case *msg.Queue:
		return fmt.Sprintf("message queue id `%d'", object.ID())
	case *shm.Segment:
		return fmt.Sprintf("shared memory segment id `%d'", object.ID())
	}
	return fmt.Sprintf("semaphore id `%d'", object.ID())
}

// every is --all, whose value is a kind, or nothing for all.
type every struct{ kinds }

// IsBool tells kong that it needs no value.
func (e *every) IsBool() bool { return true }

// Decode reads the kind.
func (e *every) Decode(ctx *kong.DecodeContext) error {
	kind := "all"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		kind = ctx.Scan.Pop().String()
	}
	switch kind {
	case "all":
		e.kinds = ofAll
	case "shm":
		e.Segments = true
	case "msg":
		e.Queues = true
	case "sem":
		e.Sets = true
	default:
		return fmt.Errorf("%q is none of shm, msg and sem", kind)
	}
	return nil
}

// addAll puts what --all means with the ids that are to go. A segment that goes already
// is not among them.
func (c *Rm) addAll() error {
	l, err := list(c.All.kinds)
	if err != nil {
		return err
	}
	for _, q := range l.queues {
		c.QueueID = append(c.QueueID, q.ID)
	}
	for _, s := range l.segments {
		if !s.Dest {
			c.SegmentID = append(c.SegmentID, s.ID)
		}
	}
	for _, s := range l.sets {
		c.SetID = append(c.SetID, s.ID)
	}
	return nil
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

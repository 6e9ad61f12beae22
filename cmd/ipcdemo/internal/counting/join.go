package counting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

type Join struct {
	Key        term.Key `required:"" placeholder:"KEY" help:"Key of the run, which ipcs prints too."`
	Iterations uint32   `default:"25000" help:"Increments to make."`
	JSON       bool     `name:"json" help:"Print the result as JSON."`
}

func (c *Join) Validate() error {
	if c.Iterations == 0 {
		return errors.New("--iterations must be at least 1")
	}
	return nil
}

// Run counts in a slot of its own and verifies what all have counted by then.
func (c *Join) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	key := sysv.Key(c.Key)
	b, err := openBoard(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return term.WithHint(fmt.Errorf("no run has key %v: %w", key, err), fmt.Sprintf("start one: ipcdemo --hold --key %v", key))
	}
	if err != nil {
		return term.CauseOf(ctx, err)
	}
	defer b.leave()
	if lives, err := b.parentLives(); err == nil && !lives && b.Phase.Load() < closed {
		return term.WithHint(children.ErrParentGone, b.killedHint())
	}
	watching, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go children.Watch(watching, stop, b.stands)
	s, err := b.announce(watching, c.Iterations)
	if err != nil {
		return term.CauseOf(watching, err)
	}
	if b.Phase.Load() == gathering {
		fmt.Fprintln(os.Stderr, "ipcdemo: joined, waiting for the run to begin")
	}
	err = b.enter(watching)
	if err == nil {
		err = b.passGate(watching)
	}
	if err == nil {
		err = b.count(watching, s, children.StopPoint{})
	}
	if err != nil {
		s.State.Store(children.Left)
		if removed := b.removed(); removed != nil {
			return removed
		}
		return term.CauseOf(watching, err)
	}
	s.State.Store(children.Done)
	r, err := b.snapshot(watching, 0)
	if err != nil {
		return term.CauseOf(watching, err)
	}
	stop(nil) // from here on the parent may remove the objects
	if err := b.set.Do(ctx, sem.Op{Num: semJoiners, Delta: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	return term.Show(r, c.JSON)
}

// announce takes a free slot for a joiner, for whom the parent then waits: if
// the joiner dies, the kernel takes its word back.
func (b *board) announce(ctx context.Context, target uint32) (*children.Slot, error) {
	door := b.set.Mutex(semDoor)
	if err := door.Lock(ctx); err != nil {
		return nil, err
	}
	defer door.Unlock()
	if b.Phase.Load() >= closed {
		return nil, errors.New("the run has ended counting: too late to join")
	}
	total := uint64(target)
	var mine *children.Slot
	for i := range b.slots {
		s := &b.slots[i]
		if s.State.Load() != children.Free || i < int(b.Children) {
			total += uint64(s.Target.Load())
		} else if mine == nil {
			mine = s
		}
	}
	if mine == nil {
		return nil, fmt.Errorf("the run has %d joiners already, which is all it has room for", maxJoiners)
	}
	if total > math.MaxUint32 {
		return nil, errTooMany(total)
	}
	mine.Target.Store(target)
	mine.PID.Store(uint32(os.Getpid()))
	if err := b.set.Do(ctx, sem.Op{Num: semJoiners, Delta: +1, Flags: sem.Undo}); err != nil {
		return nil, err
	}
	mine.State.Store(children.Present)
	return mine, nil
}

func errTooMany(total uint64) error {
	return fmt.Errorf("%d increments do not fit into the counter, which holds %d", total, uint32(math.MaxUint32))
}

// snapshot reports what all have counted so far, in a run that took so long or
// goes on.
func (b *board) snapshot(ctx context.Context, elapsed time.Duration) (*report, error) {
	l := b.guard()
	if err := l.Lock(ctx); err != nil {
		return nil, err
	}
	r := b.report(elapsed)
	return r, l.Unlock()
}

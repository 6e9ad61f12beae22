package counting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

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

func errTooMany(total uint64) error {
	return fmt.Errorf("%d increments do not fit into the counter, which holds %d", total, uint32(math.MaxUint32))
}

package counting

import (
	"context"
	"errors"
	"fmt"
	"os"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// Child is a child of a run.
type Child struct {
	Key      term.Key `required:""`
	Slot     int      `required:""`
	StopStep uint32   `help:"Stop at this step of the critical section, to be killed."`
	StopAt   uint32   `help:"Stop at this increment."`
}

// Run counts in a slot that the parent has prepared.
func (c *Child) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	children.LiveWithParent(cancel)
	b, err := openBoard(ctx, sysv.Key(c.Key))
	if err != nil {
		return term.CauseOf(ctx, err)
	}
	if c.Slot < 0 || c.Slot >= len(b.slots) {
		return fmt.Errorf("no slot %d in a run of %d children", c.Slot, b.Children)
	}
	go children.Watch(ctx, cancel, b.stands)
	s := &b.slots[c.Slot]
	s.PID.Store(uint32(os.Getpid()))
	s.State.Store(children.Present)
	err = b.enter(ctx)
	if err == nil {
		err = b.set.Do(ctx, sem.Op{Num: semReady, Delta: -1})
	}
	if err == nil {
		err = b.passGate(ctx)
	}
	if err == nil {
		err = b.count(ctx, s, children.StopPoint{Step: c.StopStep, At: c.StopAt})
	}
	if err == nil {
		s.State.Store(children.Done)
		return nil
	}
	err = term.CauseOf(ctx, err)
	if removed := b.removed(); errors.Is(err, children.ErrParentGone) && removed != nil {
		return removed // the parent was only faster to notice
	}
	return err
}

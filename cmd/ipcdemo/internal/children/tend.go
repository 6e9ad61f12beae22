package children

import (
	"context"
	"fmt"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// Tick is how often a parent looks what its children do.
const Tick = 20 * time.Millisecond

// Await waits until every child is ready, which allReady does. One that ends
// before then ends the run.
func (cs *Children) Await(ctx context.Context, allReady func(context.Context) error, name func(slot int) string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- allReady(ctx) }()
	select {
	case err := <-ready:
		return term.CauseOf(ctx, err)
	case ch := <-cs.ended:
		cs.alive--
		// Ctrl-C goes to all processes of the terminal, and may end a child
		// that does not ignore it yet an instant before it reaches us.
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
		return fmt.Errorf("%s (pid %d) ended before it began: %w", name(ch.Slot), ch.Process.Pid, ch.Failure())
	}
}

// Tend waits until every child has ended. It says which one has, and calls look every
// Tick and after each end, until look fails.
func (cs *Children) Tend(ctx context.Context, ended func(slot int), look func() error) error {
	tick := time.NewTicker(Tick)
	defer tick.Stop()
	for cs.alive > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ch := <-cs.ended:
			cs.alive--
			ended(ch.Slot)
		case <-tick.C:
		}
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

// KillStopped kills those that have stopped in order to be killed, as their slots say.
func (cs *Children) KillStopped(slots []Slot) {
	for _, ch := range cs.All {
		if ch.victim && slots[ch.Slot].State.Load() == Stopped {
			ch.Process.Kill()
		}
	}
}

// Finish waits until every child has ended well.
func (cs *Children) Finish(ctx context.Context) error {
	for cs.alive > 0 {
		ch, err := cs.Next(ctx, nil)
		if err != nil {
			return err
		}
		if ch.err != nil {
			return fmt.Errorf("process %d failed: %w", ch.Slot, ch.Failure())
		}
	}
	return nil
}

// Next waits for the next child to end, and returns it, or nil if something else comes
// first.
func (cs *Children) Next(ctx context.Context, orElse <-chan time.Time) (*Child, error) {
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case ch := <-cs.ended:
		cs.alive--
		return ch, nil
	case <-orElse:
		return nil, nil
	}
}

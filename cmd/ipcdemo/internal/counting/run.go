package counting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

type Run struct {
	Children   int      `default:"4" help:"Child processes to start, 1 to 1000."`
	Iterations *uint32  `placeholder:"25000" help:"Increments that each child makes; with --lock all, if not given, more for the faster lock, so that it counts for as long."`
	Lock       locking  `default:"semop" help:"How the counter is guarded: semop, by a semaphore; fast, by package lock; all, by each of the two in turn, to compare; or none, to see updates get lost."`
	Key        term.Key `placeholder:"KEY" help:"Key of the segment and the set (1234, 0x4d2); a fresh random one if not given. A fast lock's own objects have none."`
	Keep       bool     `help:"Leave all objects behind, to look at with ipcs."`
	Hold       bool     `help:"Wait for Enter before counting, with the children attached."`
	Kill       int      `help:"Kill this many children inside their critical section." placeholder:"N"`
	JSON       bool     `name:"json" help:"Print the result as JSON; with --lock all, an array of both."`
}

// Validate refuses what can't be run.
func (c *Run) Validate() error {
	switch total := uint64(max(c.Children, 0)) * uint64(c.iterations()); {
	case c.Children < 1 || c.Children > children.Max:
		return fmt.Errorf("--children must be 1 to %d, not %d", children.Max, c.Children)
	case c.iterations() < 1:
		return errors.New("--iterations must be at least 1")
	case total > math.MaxUint32:
		return errTooMany(total)
	case c.Kill < 0 || c.Kill > c.Children:
		return fmt.Errorf("--kill must be 0 to the number of children, which is %d", c.Children)
	case c.Kill > 0 && c.Lock == lockNone:
		return errors.New("--kill needs a lock to die with: not --lock none")
	case c.Keep && c.Lock == lockAll:
		return errors.New("--keep needs a single run: not --lock all")
	case c.Lock == lockNone && c.Children < 2:
		return errors.New("--lock none needs at least 2 children, or there is nobody to lose updates to")
	}
	return nil
}

// iterations are how many increments each child makes.
func (c *Run) iterations() uint32 {
	if c.Iterations == nil {
		return defaultIterations
	}
	return *c.Iterations
}

const defaultIterations = 25_000

// Run has the children count and says what they found.
func (c *Run) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	if c.Lock == lockAll {
		return c.compare(ctx)
	}
	r, err := c.run(ctx)
	if err != nil {
		return err
	}
	err = term.Show(r, c.JSON)
	if c.Keep {
		fmt.Fprint(os.Stderr, r.kept())
	}
	return err
}

// run is a whole run: it makes the objects, has the children count, verifies
// and cleans up, whatever happens. The objects go before the result is printed:
// nobody who stops reading makes them stay.
func (c *Run) run(ctx context.Context) (*report, error) {
	b, err := c.create()
	if err != nil {
		return nil, err
	}
	r, err := c.count(ctx, b)
	if c.Keep && err == nil {
		b.Phase.Store(kept)
		return r, nil
	}
	return r, errors.Join(err, b.remove())
}

// compare is a run with each lock, one after the other, each with objects of its
// own. One that does not add up does not keep the next from being run.
func (c *Run) compare(ctx context.Context) error {
	var all comparison
	for _, how := range []locking{lockSemop, lockFast} {
		one := *c
		one.Lock = how
		if how == lockFast && c.Iterations == nil {
			// It would be done before a process has started.
			n := max(fastIncrements/uint32(c.Children), defaultIterations)
			one.Iterations = &n
		}
		r, err := one.run(ctx)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	return term.Show(all, c.JSON)
}

// fastIncrements are how many take the fast lock about as long as 100,000 take the other.
const fastIncrements = 4_000_000

// create takes the key asked for, or the first random one that is free.
func (c *Run) create() (*board, error) {
	if c.Key != 0 {
		b, err := createBoard(sysv.Key(c.Key), c.Children, c.Lock)
		if err != nil {
			return nil, term.ExplainTaken(sysv.Key(c.Key), err, takenBy)
		}
		return b, nil
	}
	for {
		b, err := createBoard(sysv.RandomKey(), c.Children, c.Lock)
		if !errors.Is(err, fs.ErrExist) {
			return b, err
		}
	}
}

// count takes the children from their start to their end and makes up the
// account. No child outlives it.
func (c *Run) count(ctx context.Context, b *board) (r *report, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go children.Watch(ctx, cancel, b.stands)

	cs, err := c.startChildren(b)
	if err == nil {
		r, err = c.conduct(ctx, b, cs)
	}
	cs.End()
	if err != nil {
		cs.Explain()
	}
	return r, err
}

// startChildren starts one for each slot. On an error it returns those that it
// started before.
func (c *Run) startChildren(b *board) (*children.Children, error) {
	cs := children.New(c.Children)
	for i := range c.Children {
		b.slots[i].Target.Store(c.iterations())
		args := []string{"child", "--key", b.seg.Key().String(), "--slot", strconv.Itoa(i)}
		victim := i < c.Kill
		if victim {
			// The steps in turn, beginning with the one that shows most.
			step := locked + (i+1)%(both-locked+1)
			args = append(args, "--stop-step", strconv.Itoa(step), "--stop-at", strconv.Itoa(int(c.iterations()/2)))
		}
		if err := cs.Start(victim, args...); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

// conduct takes the children through the phases of a run.
func (c *Run) conduct(ctx context.Context, b *board, cs *children.Children) (*report, error) {
	if err := cs.Await(ctx, b.allReady, b.name); err != nil {
		return nil, err
	}
	if c.Hold {
		if err := term.Hold(ctx, b.attached()+" (try: ipcs -m); press Enter to count"); err != nil {
			return nil, err
		}
	}
	bars := children.NewBars(b.slots, b.name, "all children", c.JSON)
	defer bars.Stop()
	b.Phase.Store(counting)
	begin := time.Now()
	if err := b.set.Do(ctx, sem.Op{Num: semGate, Delta: -1}); err != nil {
		return nil, term.CauseOf(ctx, err)
	}
	ended := func(slot int) { b.slots[slot].State.CompareAndSwap(children.Present, children.Dead) }
	look := func() error {
		bars.Update()
		cs.KillStopped(b.slots)
		return nil
	}
	if err := cs.Tend(ctx, ended, look); err != nil {
		return nil, err
	}
	if err := b.removed(); err != nil {
		return nil, err // the children were faster to notice
	}
	if err := b.closeDoor(ctx, bars); err != nil {
		return nil, term.CauseOf(ctx, err)
	}
	r, err := b.snapshot(ctx, time.Since(begin))
	if err != nil {
		return nil, term.CauseOf(ctx, err)
	}
	if failed := cs.Failures(b.name); failed != nil && r.Verified {
		r.Verified = false
		r.Verdict = fmt.Sprintf("%s, but %v", r.Verdict, failed)
	}
	return r, nil
}

// attached says what the children are attached to.
func (b *board) attached() string {
	s := fmt.Sprintf("%d children are attached to segment %d, key %v", b.Children, b.seg.ID(), b.seg.Key())
	if b.lockSeg != nil {
		s += fmt.Sprintf(", and to the lock's segment %d", b.lockSeg.ID())
	}
	return s
}

package messages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
)

// Worker is a producer or a consumer of a queue.
type Worker struct {
	Key  term.Key `required:""`
	Slot int      `required:""`
}

// The steps of a producer and of a consumer, but for outside.
const (
	sending  = children.Outside + 1 + iota // it may or may not have sent the message after its Own
	sent                                   // it has
	received                               // it has a message, of which nobody else knows
	noted                                  // which it has written down
)

var workerSteps = [...]string{
	children.Outside: "between two of them",
	sending:          "having written the next one, before it was sent",
	sent:             "having sent one more",
	received:         "with the next one in hand",
	noted:            "with the last one in hand, which it had written down",
}

// worker is what it works with.
type worker struct {
	carrier
	*ledger
	*children.Slot
	stop children.StopPoint
}

// Run sends or receives, as its slot in the parent's ledger says.
func (c *Worker) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	children.LiveWithParent(cancel)
	l, err := openLedger()
	if err != nil {
		return err
	}
	if c.Slot < 0 || c.Slot >= len(l.slots) {
		return fmt.Errorf("no slot %d in a run of %d producers and consumers", c.Slot, len(l.slots))
	}
	k := l.Through.kind()
	if k == nil {
		return fmt.Errorf("a run through nothing that is known (%d)", l.Through)
	}
	through, err := k.open(ctx, sysv.Key(c.Key), l, c.Slot)
	if err != nil {
		return term.CauseOf(ctx, err)
	}
	w := &worker{through, l, &l.slots[c.Slot], l.stopPoint(c.Slot)}
	w.PID.Store(uint32(os.Getpid()))
	w.State.Store(children.Present)
	err = l.meet(ctx)
	if err == nil {
		begin := time.Now()
		if c.Slot < int(l.Producers) {
			err = w.produce(ctx, c.Slot)
		} else {
			err = w.consume(ctx, c.Slot-int(l.Producers))
		}
		w.Began = begin.UnixNano()
		w.Ended = w.Began + time.Since(begin).Nanoseconds()
	}
	removed := w.removed()
	err = term.CauseOf(ctx, errors.Join(err, w.close()))
	if errors.Is(err, children.ErrParentGone) && errors.Is(removed, sysv.ErrRemoved) {
		return removed // the parent was only faster to notice
	}
	if err == nil {
		w.State.Store(children.Done)
	}
	return err
}

// produce sends a producer's share.
func (w *worker) produce(ctx context.Context, producer int) error {
	for n := range w.share(producer) {
		buf, err := w.reserve(ctx)
		if err != nil {
			return err
		}
		w.write(buf, producer, n)
		if err := w.reach(ctx, sending, n); err != nil {
			return err
		}
		if err := w.send(ctx); err != nil {
			return err
		}
		if err := w.reach(ctx, sent, n); err != nil {
			return err
		}
		w.Own.Store(n + 1)
		w.Step.Store(children.Outside)
	}
	return nil
}

// consume receives until there is nothing more. Where some are to be killed, all wait
// for that halfway, so that those come so far.
func (w *worker) consume(ctx context.Context, consumer int) error {
	for n := uint32(0); ; n++ {
		if w.Kill > 0 && n == w.halfway() && w.stop == (children.StopPoint{}) {
			if err := w.mourn(ctx); err != nil {
				return err
			}
		}
		r, err := w.receive(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.reach(ctx, received, n); err != nil {
			return err
		}
		w.note(consumer, r)
		w.Own.Store(n + 1)
		if err := w.reach(ctx, noted, n); err != nil {
			return err
		}
		if err := w.done(); err != nil {
			return err
		}
		w.Step.Store(children.Outside)
	}
}

// reach says which step of its message n the worker has come to, and stops there if it
// is to be killed there.
func (w *worker) reach(ctx context.Context, step, n uint32) error {
	w.Step.Store(step)
	if w.stop != (children.StopPoint{Step: step, At: n}) {
		return nil
	}
	w.State.Store(children.Stopped)
	w.Changed.Advance()
	<-ctx.Done() // SIGKILL comes first, or else the parent has ended
	return context.Cause(ctx)
}

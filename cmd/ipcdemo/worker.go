package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
)

// workerCommand is a producer or a consumer of a queue.
type workerCommand struct {
	Key  keyFlag `required:""`
	Slot int     `required:""`
}

// Run sends or receives, as its slot in the parent's ledger says.
func (c *workerCommand) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	liveWithParent(cancel)
	l, err := openLedger()
	if err != nil {
		return err
	}
	if c.Slot < 0 || c.Slot >= len(l.slots) {
		return fmt.Errorf("no slot %d in a run of %d producers and consumers", c.Slot, len(l.slots))
	}
	q, err := msg.Open(sysv.Key(c.Key), nil)
	if err != nil {
		return err
	}
	set, err := sem.Open(ctx, sysv.Key(c.Key), nil)
	if err != nil {
		return causeOf(ctx, err)
	}
	s := &l.slots[c.Slot]
	s.PID.Store(uint32(os.Getpid()))
	s.State.Store(present)
	err = set.Do(ctx, sem.Op{Num: queueReady, Delta: -1})
	if err == nil {
		err = set.Do(ctx, sem.Op{Num: queueGate})
	}
	if err == nil {
		begin := time.Now()
		if c.Slot < int(l.Producers) {
			err = l.produce(ctx, q, c.Slot)
		} else {
			err = l.consume(ctx, q, c.Slot-int(l.Producers))
		}
		s.Nanos = time.Since(begin).Nanoseconds()
	}
	if err == nil {
		s.State.Store(done)
		return nil
	}
	err = causeOf(ctx, err)
	if _, removed := q.Stat(); errors.Is(err, errParentGone) && errors.Is(removed, sysv.ErrRemoved) {
		return removed // the parent was only faster to notice
	}
	return err
}

// produce sends a producer's share.
func (l *ledger) produce(ctx context.Context, q *msg.Queue, producer int) error {
	s := &l.slots[producer]
	buf := make([]byte, l.Size)
	for n := range l.share(producer) {
		l.write(buf, producer, n)
		s.Step.Store(sending)
		if err := q.Send(ctx, producer+1, buf); err != nil {
			return err
		}
		s.Own.Store(n + 1)
		s.Step.Store(outside)
	}
	return nil
}

// consume receives until it is told to stop. Whatever it gets it takes, also
// what no producer sent: else that would stay at the head of the queue.
func (l *ledger) consume(ctx context.Context, q *msg.Queue, consumer int) error {
	s := &l.slots[int(l.Producers)+consumer]
	all := msg.Any.Truncate()
	buf := make([]byte, l.Size)
	for n := uint32(1); ; n++ {
		m, err := q.Receive(ctx, all, buf)
		if err != nil {
			return err
		}
		if m.Type == l.stopType() && len(m.Data) == 0 {
			return nil
		}
		l.note(consumer, m)
		s.Own.Store(n)
	}
}

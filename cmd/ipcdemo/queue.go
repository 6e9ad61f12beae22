package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
)

const maxMessages = 100_000_000

type queueCommand struct {
	Producers int     `default:"4" help:"Processes that send."`
	Consumers int     `default:"4" help:"Processes that receive; with the producers 1000 at most."`
	Messages  int     `default:"100000" help:"Messages that the producers send together, 1 to 100000000."`
	Size      int     `default:"64" help:"Bytes in a message, 8 to kernel.msgmax."`
	Key       keyFlag `placeholder:"KEY" help:"Key of the queue and its set (1234, 0x4d2); a fresh random one if not given."`
	Keep      bool    `help:"Leave the queue and the set behind, to look at with ipcs."`
	Hold      bool    `help:"Wait for Enter before the first message."`
	JSON      bool    `name:"json" help:"Print the result as JSON."`
}

// Validate refuses what can't be run.
func (c *queueCommand) Validate() error {
	switch {
	case c.Producers < 1 || c.Consumers < 1 || c.Producers > maxChildren || c.Consumers > maxChildren || c.Producers+c.Consumers > maxChildren:
		return fmt.Errorf("--producers and --consumers must be at least 1, and together at most %d", maxChildren)
	case c.Messages < 1 || c.Messages > maxMessages:
		return fmt.Errorf("--messages must be 1 to %d, not %d", maxMessages, c.Messages)
	case c.Size < headSize:
		return fmt.Errorf("--size must be at least %d, for the producer and the number", headSize)
	}
	// What a queue can't hold is refused when it is full, not before.
	if limits, err := msg.Limits(); err == nil && c.Size > min(limits.MsgMax, limits.MsgMNB) {
		return fmt.Errorf("--size must be at most %d here (kernel.msgmax is %d, kernel.msgmnb %d)",
			min(limits.MsgMax, limits.MsgMNB), limits.MsgMax, limits.MsgMNB)
	}
	return nil
}

// Run has the producers send and the consumers receive, and says whether all
// arrived.
func (c *queueCommand) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	endOnSignal(cancel)
	x, err := c.create()
	if err != nil {
		return err
	}
	r, err := c.transfer(ctx, x)
	keep := c.Keep && err == nil
	if keep {
		err = x.set.SetValue(queuePhase, kept)
	} else {
		err = errors.Join(err, x.remove())
	}
	if err != nil {
		return err
	}
	err = show(r, c.JSON)
	if keep {
		fmt.Fprintf(os.Stderr, "kept queue %[1]d and set %[2]d\n  look:   ipcs -q -i %[1]d; ipcs -s -i %[2]d\n  remove: ipcrm -q %[1]d -s %[2]d\n", r.Queue, r.Set)
	}
	return err
}

// create takes the key asked for, or the first random one that is free.
func (c *queueCommand) create() (*exchange, error) {
	p := plan{Producers: uint32(c.Producers), Consumers: uint32(c.Consumers), Messages: uint32(c.Messages), Size: uint32(c.Size)}
	if c.Key != 0 {
		x, err := createExchange(sysv.Key(c.Key), p)
		return x, explainQueueTaken(sysv.Key(c.Key), err)
	}
	for {
		x, err := createExchange(sysv.RandomKey(), p)
		if !errors.Is(err, fs.ErrExist) {
			return x, err
		}
	}
}

// transfer takes producers and consumers from their start to their end and makes
// up the account. No child outlives it.
func (c *queueCommand) transfer(ctx context.Context, x *exchange) (*queueReport, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go x.watch(ctx, cancel)

	children, err := x.startWorkers()
	var took time.Duration
	if err == nil {
		took, err = c.conduct(ctx, x, children)
	}
	children.end()
	if err != nil {
		children.explain()
		return nil, err
	}
	r := x.report(took)
	if failed := children.failure(x.ledger.name); failed != nil && r.Verified {
		r.Verified = false
		r.Verdict = fmt.Sprintf("%s, but %v", r.Verdict, failed)
	}
	return r, nil
}

// startWorkers starts a process for each slot. On an error it returns those that
// it started before.
func (x *exchange) startWorkers() (*children, error) {
	l := x.ledger
	cs := newChildren(l.workers())
	cs.env = []string{l.seg.Env()}
	for i := range l.workers() {
		if i < int(l.Producers) {
			l.slots[i].Target.Store(l.share(i))
		}
		if err := cs.start(false, "worker", "--key", x.set.Key().String(), "--slot", strconv.Itoa(i)); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

// conduct takes the workers through a run and tells how long it took.
func (c *queueCommand) conduct(ctx context.Context, x *exchange, cs *children) (time.Duration, error) {
	if err := cs.await(ctx, x.allReady, x.ledger.name); err != nil {
		return 0, err
	}
	if c.Hold {
		prompt := fmt.Sprintf("%d processes are ready for queue %d, key %v (try: ipcs -q); press Enter to send",
			x.ledger.workers(), x.queue.ID(), x.queue.Key())
		if err := hold(ctx, prompt); err != nil {
			return 0, err
		}
	}
	bars := newBars(x.ledger.slots, x.ledger.name, "all messages", c.JSON)
	defer bars.stop()
	begin := time.Now()
	if err := x.set.Do(ctx, sem.Op{Num: queueGate, Delta: -1}); err != nil {
		return 0, causeOf(ctx, err)
	}
	if err := x.settle(ctx, cs, bars); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	return took, x.removed() // the children may have been faster to notice
}

// settle waits until every worker has ended. Once all producers have, it sends
// each consumer a message to stop, which comes after all others.
func (x *exchange) settle(ctx context.Context, cs *children, bars *bars) error {
	l := x.ledger
	producers, consumers, stops := int(l.Producers), int(l.Consumers), int(l.Consumers)
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for cs.alive > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ch := <-cs.ended:
			cs.alive--
			l.slots[ch.slot].State.CompareAndSwap(present, dead)
			if ch.slot < int(l.Producers) {
				producers--
			} else {
				consumers--
			}
		case <-tick.C:
			bars.update()
		}
		if consumers == 0 {
			// Nobody makes room: who waits to send would wait for ever.
			x.dismiss(cs)
			continue
		}
		for producers == 0 && stops > 0 {
			ok, err := x.queue.TrySend(l.stopType(), nil)
			if err != nil && x.removed() != nil {
				return x.removed()
			}
			if err != nil {
				return err
			}
			if !ok {
				break // the queue is full: at the next tick
			}
			stops--
		}
	}
	return nil
}

// dismiss kills the producers that are left.
func (x *exchange) dismiss(cs *children) {
	for _, ch := range cs.all {
		if !ch.victim && ch.slot < int(x.ledger.Producers) && x.ledger.slots[ch.slot].State.CompareAndSwap(present, stopped) {
			ch.victim = true
			ch.Process.Kill()
		}
	}
}

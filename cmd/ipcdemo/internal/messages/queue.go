package messages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
)

const maxMessages = 100_000_000

type Queue struct {
	Through   through  `default:"messages" help:"What they go through: messages, a message queue; or ring, a queue of package ring."`
	Producers int      `default:"4" help:"Processes that send."`
	Consumers int      `default:"4" help:"Processes that receive; with the producers 1000 at most."`
	Messages  int      `default:"100000" help:"Messages that the producers send together, 1 to 100000000."`
	Size      int      `default:"64" help:"Bytes in a message, 8 to kernel.msgmax, or through a ring to a quarter of it, 262136."`
	Kill      int      `help:"Kill so many producers and consumers in the middle of it." placeholder:"N"`
	Key       term.Key `placeholder:"KEY" help:"Key of the queue, or the ring, and its set (1234, 0x4d2); a fresh random one if not given."`
	Keep      bool     `help:"Leave the queue, or the ring, and the set behind, to look at with ipcs."`
	Hold      bool     `help:"Wait for Enter before the first message."`
	JSON      bool     `name:"json" help:"Print the result as JSON."`
}

// Validate refuses what can't be run.
func (c *Queue) Validate() error {
	switch {
	case c.Producers < 1 || c.Consumers < 1 || c.Producers > children.Max || c.Consumers > children.Max || c.Producers+c.Consumers > children.Max:
		return fmt.Errorf("--producers and --consumers must be at least 1, and together at most %d", children.Max)
	case c.Messages < 1 || c.Messages > maxMessages:
		return fmt.Errorf("--messages must be 1 to %d, not %d", maxMessages, c.Messages)
	case c.Size < headSize:
		return fmt.Errorf("--size must be at least %d, for the producer and the number", headSize)
	}
	if longest, why, err := c.Through.kind().longest(); err == nil && c.Size > longest {
		return fmt.Errorf("--size must be at most %d %s", longest, why)
	}
	switch {
	case c.Kill < 0 || c.Kill > c.Producers+c.Consumers-2:
		return fmt.Errorf("--kill must be 0 to %d, which leaves a producer and a consumer", c.Producers+c.Consumers-2)
	case c.Kill > 0 && c.Messages < leastToKill*(c.Producers+c.Consumers):
		return fmt.Errorf("--kill needs at least %d --messages, for all to be in the middle of it", leastToKill*(c.Producers+c.Consumers))
	}
	return nil
}

// Run has the producers send and the consumers receive, and says whether all
// arrived.
func (c *Queue) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	x, err := c.create()
	if err != nil {
		return err
	}
	r, err := c.transfer(ctx, x)
	keep := c.Keep && err == nil
	if keep {
		err = errors.Join(x.keep(), x.ledger.mem.Detach())
	} else {
		err = errors.Join(err, x.remove())
	}
	if err != nil {
		return err
	}
	err = term.Show(r, c.JSON)
	if keep {
		fmt.Fprintf(os.Stderr, "kept %[1]s %[2]d and set %[3]d\n  look:   ipcs -%[4]s -i %[2]d; ipcs -s -i %[3]d\n  remove: ipcrm -%[4]s %[2]d -s %[3]d\n",
			x.object, r.Queue, r.Set, x.option)
	}
	return err
}

// create takes the key asked for, or the first random one that is free.
func (c *Queue) create() (*exchange, error) {
	p := plan{Producers: uint32(c.Producers), Consumers: uint32(c.Consumers), Messages: uint32(c.Messages), Size: uint32(c.Size),
		Through: c.Through, Kill: uint32(c.Kill)}
	if c.Keep {
		p.Keep = 1
	}
	if c.Key != 0 {
		x, err := createExchange(sysv.Key(c.Key), p)
		return x, term.ExplainTaken(sysv.Key(c.Key), err, c.Through.kind().takenBy)
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
func (c *Queue) transfer(ctx context.Context, x *exchange) (*queueReport, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go children.Watch(ctx, cancel, x.removed)

	cs, err := x.startWorkers()
	var took time.Duration
	if err == nil {
		took, err = c.conduct(ctx, x, cs)
	}
	cs.End()
	if err != nil {
		cs.Explain()
		return nil, err
	}
	r := x.report(took)
	if failed := cs.Failures(x.ledger.name); failed != nil && r.Verified {
		r.Verified = false
		r.Verdict = fmt.Sprintf("%s, but %v", r.Verdict, failed)
	}
	return r, nil
}

// startWorkers starts a process for each slot. On an error it returns those that
// it started before.
func (x *exchange) startWorkers() (*children.Children, error) {
	l := x.ledger
	cs := children.New(l.workers(), l.seg.Env())
	for i := range l.workers() {
		if i < int(l.Producers) {
			l.slots[i].Target.Store(l.share(i))
		}
		victim := l.stopPoint(i) != children.StopPoint{}
		if err := cs.Start(victim, "worker", "--key", x.key.String(), "--slot", strconv.Itoa(i)); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

// conduct takes the workers through a run and tells how long it took.
func (c *Queue) conduct(ctx context.Context, x *exchange, cs *children.Children) (time.Duration, error) {
	if err := cs.Await(ctx, x.ledger.allReady, x.ledger.name); err != nil {
		return 0, err
	}
	if c.Hold {
		prompt := fmt.Sprintf("%d processes are ready for %s %d, key %v (try: ipcs -%s); press Enter to send",
			x.ledger.workers(), x.object, x.id(), x.key, x.option)
		if err := term.Hold(ctx, prompt); err != nil {
			return 0, err
		}
	}
	bars := children.NewBars(x.ledger.slots, x.ledger.name, "all "+x.unit, c.JSON)
	defer bars.Stop()
	begin := time.Now()
	x.ledger.open()
	if err := x.settle(ctx, cs, bars); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	return took, x.removed() // the children may have been faster to notice
}

// settle waits until every worker has ended, and kills those that stop in order to be
// killed. Once all producers have ended it tells the consumers.
func (x *exchange) settle(ctx context.Context, cs *children.Children, bars *term.Bars) error {
	l := x.ledger
	producers, consumers, told := int(l.Producers), int(l.Consumers), false
	ended := func(slot int) {
		l.slots[slot].State.CompareAndSwap(children.Present, children.Dead)
		l.Changed.Advance()
		if slot < int(l.Producers) {
			producers--
		} else {
			consumers--
		}
	}
	look := func() (err error) {
		bars.Update()
		cs.KillStopped(l.slots)
		switch {
		case consumers == 0:
			// Nobody makes room: who waits to send would wait for ever.
			x.dismiss(cs)
		case producers == 0 && !told:
			if told, err = x.finish(); err != nil {
				return errors.Join(x.removed(), err)
			}
		}
		return nil
	}
	return cs.Tend(ctx, ended, look)
}

// dismiss kills the producers that are left.
func (x *exchange) dismiss(cs *children.Children) {
	for _, ch := range cs.All[:x.ledger.Producers] {
		if !ch.Victim() && x.ledger.slots[ch.Slot].State.CompareAndSwap(children.Present, children.Useless) {
			ch.Dismiss()
		}
	}
}

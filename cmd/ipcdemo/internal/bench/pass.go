package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// passed is how many bytes a record has whose passing is measured.
const passed = 64

// passing are the figures of processes that pass records to others.
func passing(what through, name string, l *line) (all []figure) {
	for _, n := range []int{1, 2, 4} {
		all = append(all, figure{Name: fmt.Sprintf("%d bytes through %s, %d to %d", passed, name, n, n), Unit: "/s", cpus: 1,
			measure: gettingThrough(n, what), of: throughput, line: l, x: 2 * n})
	}
	for cpus, where := range []string{1: "on one CPU", 2: "on two CPUs"} {
		if cpus > 0 {
			all = append(all, figure{Name: fmt.Sprintf("%d bytes through %s and back, %s", passed, name, where), Unit: "ns", cpus: cpus,
				measure: gettingBack(cpus, what), of: answer, line: l, x: cpus})
		}
	}
	return all
}

// through is what records go through.
type through string

const (
	messages through = "messages"
	records  through = "ring"
)

// pipe is one of them.
type pipe interface {
	ID() int
	Remove() error
	send(ctx context.Context, data []byte) error
	receive(ctx context.Context, buf []byte) error // to the last byte
}

type messagePipe struct{ *msg.Queue }

func (p messagePipe) send(ctx context.Context, data []byte) error { return p.Send(ctx, 1, data) }

func (p messagePipe) receive(ctx context.Context, buf []byte) error {
	_, err := p.Receive(ctx, msg.Any, buf)
	return err
}

type ringPipe struct{ *ring.Queue }

func (p ringPipe) send(ctx context.Context, data []byte) error { return p.Send(ctx, data) }

func (p ringPipe) receive(ctx context.Context, buf []byte) error {
	_, err := p.Next(ctx, buf[:0])
	return err
}

func (p ringPipe) Remove() error { return errors.Join(p.Queue.Remove(), p.Close()) }

func createPipe(ctx context.Context, what through) (pipe, error) {
	if what == records {
		q, err := ring.CreateQueue(ctx, sysv.Private, nil)
		return ringPipe{q}, err
	}
	q, err := msg.Create(sysv.Private, nil)
	return messagePipe{q}, err
}

func openPipe(ctx context.Context, what through, id int) (pipe, error) {
	if what == records {
		q, err := ring.OpenQueueID(ctx, id, nil)
		return ringPipe{q}, err
	}
	q, err := msg.OpenID(id)
	return messagePipe{q}, err
}

// Passer is a process of such a measurement: it sends or receives until it is
// ended, or asks for a while another who answers.
type Passer struct {
	Role    string        `arg:"" enum:"send,receive,ask,answer"`
	Through through       `required:"" enum:"messages,ring"`
	There   int           `required:"" help:"What is sent, or asked, goes there,"`
	Back    int           `help:"and answers here."`
	Set     int           `help:"With the gate to wait at."`
	Segment int           `help:"Where a receiver counts,"`
	Slot    int           `help:"at its place."`
	CPU     int           `help:"CPU to stay on, for who asks and answers."`
	Window  time.Duration `help:"How long to ask."`
}

func (c *Passer) args() []string {
	return []string{"passer", c.Role, "--through", string(c.Through), "--there", strconv.Itoa(c.There), "--back", strconv.Itoa(c.Back), "--set", strconv.Itoa(c.Set),
		"--segment", strconv.Itoa(c.Segment), "--slot", strconv.Itoa(c.Slot), "--cpu", strconv.Itoa(c.CPU), "--window", c.Window.String()}
}

// Run plays the part.
func (c *Passer) Run(ctx context.Context) error {
	turns := c.Role == "ask" || c.Role == "answer"
	if turns {
		if err := stayOn(c.CPU); err != nil {
			return err
		}
	}
	children.LiveWithParent(func(error) { os.Exit(1) })
	there, err := openPipe(ctx, c.Through, c.There)
	if err != nil {
		return err
	}
	buf := make([]byte, passed)
	if !turns {
		return c.stream(ctx, there, buf)
	}
	back, err := openPipe(ctx, c.Through, c.Back)
	if err != nil {
		return err
	}
	if c.Role == "ask" {
		return c.ask(ctx, there, back, buf)
	}
	for {
		if err := errors.Join(there.receive(ctx, buf), back.send(ctx, buf)); err != nil {
			return err
		}
	}
}

// ask prints the nanoseconds of a record there and back.
func (c *Passer) ask(ctx context.Context, there, back pipe, buf []byte) error {
	var begin time.Time
	for n := 0; ; n++ {
		if n == 1 {
			begin = time.Now() // the other one is there
		}
		if err := errors.Join(there.send(ctx, buf), back.receive(ctx, buf)); err != nil {
			return err
		}
		if n == 0 || n%64 != 0 {
			continue
		}
		if took := time.Since(begin); took >= c.Window {
			fmt.Println(took.Nanoseconds() / int64(n))
			return nil
		}
	}
}

// stream sends, or receives and counts, from when the gate is open.
func (c *Passer) stream(ctx context.Context, p pipe, buf []byte) error {
	set, err := sem.OpenID(c.Set)
	if err != nil {
		return err
	}
	seg, err := shm.OpenID(c.Segment)
	if err != nil {
		return err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	count, err := receivedBy(mem, c.Slot)
	if err != nil {
		return err
	}
	if err := set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}); err != nil {
		return err
	}
	if err := set.Do(ctx, sem.Op{Num: benchGate}); err != nil {
		return err
	}
	for c.Role == "send" {
		if err := p.send(ctx, buf); err != nil {
			return err
		}
	}
	for {
		if err := p.receive(ctx, buf); err != nil {
			return err
		}
		count.Add(1)
	}
}

// receivedBy is where a receiver counts, in a cache line of its own behind the tally.
func receivedBy(mem *shm.Mapping, slot int) (*atomic.Uint32, error) {
	const line = 128
	return shm.View[atomic.Uint32](mem, line*(slot+1))
}

func startPassers(parts ...*Passer) (*children.Children, error) {
	cs := children.New(len(parts))
	for _, p := range parts {
		if err := cs.Start(false, p.args()...); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

// gettingThrough measures how many records a second as many processes get as others send.
func gettingThrough(pairs int, what through) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (_ float64, err error) {
		p, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, p.Remove()) }()
		if err := b.set.SetValue(benchGate, 2*pairs+1); err != nil {
			return 0, err
		}
		var roles []*Passer
		for i := range pairs {
			send := &Passer{Role: "send", Through: what, There: p.ID(), Set: b.set.ID(), Segment: b.seg.ID(), Slot: i}
			receive := *send
			receive.Role = "receive"
			roles = append(roles, send, &receive)
		}
		passers, err := startPassers(roles...)
		defer passers.End()
		if err != nil {
			return 0, err
		}
		received := func() (sum uint32, err error) {
			for i := range pairs {
				n, failed := receivedBy(b.mem, i)
				if failed != nil {
					return 0, failed
				}
				sum += n.Load()
			}
			return sum, nil
		}
		if err := b.set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}, sem.Op{Num: benchGate}); err != nil {
			return 0, err
		}
		begin := time.Now()
		before, err := received()
		for err == nil {
			switch ch, err := passers.Next(ctx, time.After(b.window)); {
			case err != nil:
				return 0, err
			case ch != nil:
				return 0, ch.Failure()
			}
			var after uint32
			if after, err = received(); after != before {
				return float64(after-before) / time.Since(begin).Seconds(), err
			}
			// In so short a time none of them has had its turn.
		}
		return 0, err
	}
}

// gettingBack measures how long a record takes to another process and back.
func gettingBack(cpus int, what through) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (_ float64, err error) {
		there, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, there.Remove()) }()
		back, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, back.Remove()) }()
		ask := &Passer{Role: "ask", Through: what, There: there.ID(), Back: back.ID(), Window: b.window}
		answer := *ask
		answer.Role, answer.CPU = "answer", cpus-1
		passers, err := startPassers(ask, &answer)
		defer passers.End()
		if err != nil {
			return 0, err
		}
		ch, err := passers.Next(ctx, nil) // who asks, if all is well
		if err != nil {
			return 0, err
		}
		if !ch.EndedWell() || ch.Slot != 0 {
			return 0, ch.Failure()
		}
		return strconv.ParseFloat(strings.TrimSpace(ch.Stdout.String()), 64)
	}
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

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

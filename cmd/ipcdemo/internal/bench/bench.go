package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

type Bench struct {
	Window time.Duration `default:"300ms" help:"How long to measure each figure, more or less."`
	JSON   bool          `name:"json" help:"Print the figures as JSON."`
	Plot   string        `placeholder:"FILE.svg" help:"Draw throughput and latency of each lock, and of a queue and a ring, into this file, too."`
}

// Validate refuses what can't be measured.
func (c *Bench) Validate() error {
	if c.Window < time.Millisecond || c.Window > time.Minute {
		return fmt.Errorf("--window must be 1ms to 1m, not %v", c.Window)
	}
	if c.Plot != "" && filepath.Ext(c.Plot) != ".svg" {
		return fmt.Errorf("--plot must be a file whose name ends in .svg, not %q", c.Plot)
	}
	return nil
}

// figure is one line of the result.
type figure struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	cpus    int     // that it needs
	measure func(context.Context, *bench) (float64, error)

	of   quantity // what it is in the chart, if anything,
	line *line    // of which line,
	x    int      // and where
}

var figures = slices.Concat(alone, contention(underMutex, "a Mutex", semopLine), contention(underFast, "a fast lock", fastLine),
	passing(messages, "a queue", queueLine), passing(records, "a ring", ringLine), cancelled)

var alone = []figure{
	{Name: "uncontended Mutex, Lock and Unlock", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(b.mutex.Lock(context.Background()), b.mutex.Unlock())
	})},
	{Name: "uncontended fast lock, Lock and Unlock", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(b.fast.Lock(context.Background()), b.fast.Unlock())
	})},
	{Name: "uncontended Do, -1 and +1 with undo", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: -1, Flags: sem.Undo}),
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: +1, Flags: sem.Undo}))
	})},
	{Name: "uncontended Do, -1 and +1 without undo", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return errors.Join(
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: -1}),
			b.set.Do(context.Background(), sem.Op{Num: benchLock, Delta: +1}))
	})},
	{Name: "one Do of five operations", Unit: "ns", cpus: 1, measure: pairs(func(b *bench) error {
		return b.set.Do(context.Background(), sem.Op{Num: benchPing, Delta: +1}, sem.Op{Num: benchPong, Delta: +1},
			sem.Op{Num: benchPing, Delta: -1}, sem.Op{Num: benchPong, Delta: -1}, sem.Op{Num: benchGate})
	})},
	{Name: "turn to another process and back, on one CPU", Unit: "ns", cpus: 1, measure: turns(1)},
	{Name: "turn to another process and back, on two CPUs", Unit: "ns", cpus: 2, measure: turns(2)},
}

var cancelled = []figure{
	{Name: "from cancelling a wait to its return, median", Unit: "ns", cpus: 1, measure: cancellations(50)},
	{Name: "from cancelling a wait to its return, 99 of 100", Unit: "ns", cpus: 1, measure: cancellations(99)},
}

// Semaphores of the set that is measured.
const (
	benchLock = iota // 1
	benchGate        // 0: open
	benchPing        // 0
	benchPong        // 0
	benchCount
)

// bench is what is measured on.
type bench struct {
	window time.Duration
	set    *sem.Set
	mutex  *sem.Mutex
	group  *lock.Group
	fast   locker
	seg    *shm.Segment
	mem    *shm.Mapping
	tally  *tally
}

// tally is what contending processes count in.
type tally struct {
	counter uint64 // under the lock
	stop    atomic.Uint32
}

// Run measures all figures and prints them.
func (c *Bench) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	b, err := newBench(c.Window)
	if err != nil {
		return err
	}
	measured, err := c.measure(ctx, b)
	if err := errors.Join(err, b.remove()); err != nil {
		return err
	}
	if err := c.print(measured); err != nil {
		return err
	}
	if c.Plot != "" {
		return writeChart(c.Plot, measured)
	}
	return nil
}

func (c *Bench) print(measured []figure) error {
	if c.JSON {
		return term.PrintJSON(os.Stdout, measured)
	}
	var out strings.Builder
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range measured {
		// The name stands to the left, which the writer does for no column.
		fmt.Fprintf(t, "%-48s\t%.0f\t%-3s\t\n", f.Name, f.Value, f.Unit)
	}
	t.Flush()
	_, err := os.Stdout.WriteString(out.String())
	return err
}

func (c *Bench) measure(ctx context.Context, b *bench) ([]figure, error) {
	measured := slices.DeleteFunc(slices.Clone(figures), func(f figure) bool { return f.cpus > runtime.NumCPU() })
	bar := term.NewBar("measuring", len(measured), c.JSON)
	defer bar.Stop()
	for i := range measured {
		f := &measured[i]
		var err error
		if f.Value, err = f.measure(ctx, b); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, term.CauseOf(ctx, err))
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		bar.Set(i + 1)
	}
	return measured, nil
}

func newBench(window time.Duration) (b *bench, err error) {
	b = &bench{window: window}
	defer func() {
		if err != nil {
			b.remove()
		}
	}()
	values := make([]int, benchCount)
	values[benchLock] = 1
	if b.set, err = sem.Create(sysv.Private, values, nil); err != nil {
		return b, err
	}
	b.mutex = b.set.Mutex(benchLock)
	if b.group, err = lock.Create(context.Background(), sysv.Private, 1, nil); err != nil {
		return b, err
	}
	b.fast = fastLock{b.group.Mutex(0)}
	if b.seg, err = shm.Create(sysv.Private, os.Getpagesize(), nil); err != nil {
		return b, err
	}
	if b.mem, err = b.seg.Attach(nil); err != nil {
		return b, err
	}
	b.tally, err = shm.View[tally](b.mem, 0)
	return b, err
}

func (b *bench) remove() (err error) {
	if b.set != nil {
		err = b.set.Remove()
	}
	if b.group != nil {
		err = errors.Join(err, b.group.Remove(), b.group.Close())
	}
	if b.seg != nil {
		err = errors.Join(err, b.seg.Remove())
	}
	if b.mem != nil {
		err = errors.Join(err, b.mem.Detach())
	}
	return err
}

// pairs measures what one call of f takes.
func pairs(f func(*bench) error) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		begin := time.Now()
		for n := 1; ; n++ {
			if err := f(b); err != nil {
				return 0, err
			}
			if n%1024 != 0 {
				continue
			}
			if took := time.Since(begin); took >= b.window || ctx.Err() != nil {
				return float64(took.Nanoseconds()) / float64(n), nil
			}
		}
	}
}

// turns measures how long two processes take to hand a turn there and back.
func turns(cpus int) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		play := func(cpu, await, wake int) *Peer {
			return &Peer{Set: b.set.ID(), CPU: cpu, Await: await, Wake: wake, Turns: int(b.window/(50*time.Microsecond)) + 2}
		}
		peers, err := startPeers(play(cpus-1, benchPong, benchPing), play(0, benchPing, benchPong))
		defer peers.End()
		if err != nil {
			return 0, err
		}
		if err := b.set.Do(ctx, sem.Op{Num: benchPing, Delta: +1}); err != nil {
			return 0, err
		}
		if err := peers.Finish(ctx); err != nil {
			return 0, err
		}
		// The last turn is nobody's.
		if err := b.set.Do(ctx, sem.Op{Num: benchPing, Delta: -1}); err != nil {
			return 0, err
		}
		return strconv.ParseFloat(strings.TrimSpace(peers.All[1].Stdout.String()), 64)
	}
}

// contention are the figures of processes that count under a lock.
func contention(how locking, name string, l *line) (all []figure) {
	for _, n := range []int{1, 2, 4, 8} {
		f := figure{Name: fmt.Sprintf("counting under %s, %d processes", name, n), Unit: "/s", cpus: 1, measure: gettingIt(n, how), of: increments, line: l, x: n}
		if n == 1 {
			f.Name = strings.TrimSuffix(f.Name, "es")
		}
		all = append(all, f)
	}
	return all
}

// gettingIt measures how many times a second processes get the lock.
func gettingIt(processes int, how locking) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		b.tally.counter = 0
		b.tally.stop.Store(0)
		if err := b.set.SetValue(benchGate, processes+1); err != nil {
			return 0, err
		}
		group, mutex := -1, locker(b.mutex)
		if how == underFast {
			group, mutex = b.group.ID(), b.fast
		}
		var roles []*Peer
		for range processes {
			roles = append(roles, &Peer{Set: b.set.ID(), Segment: b.seg.ID(), Group: group, Count: true})
		}
		peers, err := startPeers(roles...)
		defer peers.End()
		if err != nil {
			return 0, err
		}
		// Each has taken one from the gate and waits for the last.
		if err := b.set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}, sem.Op{Num: benchGate}); err != nil {
			return 0, err
		}
		begin := time.Now()
		select {
		case <-ctx.Done():
		case <-time.After(b.window):
		}
		if err := mutex.Lock(ctx); err != nil {
			return 0, err
		}
		counted, took := b.tally.counter, time.Since(begin)
		b.tally.stop.Store(1)
		if err := mutex.Unlock(); err != nil {
			return 0, err
		}
		return float64(counted) / took.Seconds(), peers.Finish(ctx)
	}
}

// cancellations measures how long it takes a wait to end after its context, as
// a percentile.
func cancellations(percent int) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		var took []time.Duration
		for end := time.Now().Add(b.window); time.Now().Before(end) && ctx.Err() == nil; {
			waiting, cancel := context.WithCancel(ctx)
			ended := make(chan time.Time)
			go func() {
				b.set.Do(waiting, sem.Op{Num: benchPing, Delta: -1})
				ended <- time.Now()
			}()
			for n := 0; n == 0; {
				var err error
				if n, err = b.set.Waiters(benchPing); err != nil {
					cancel()
					return 0, err
				}
			}
			begin := time.Now()
			cancel()
			took = append(took, (<-ended).Sub(begin))
		}
		if len(took) == 0 {
			return 0, context.Cause(ctx)
		}
		slices.Sort(took)
		return float64(took[len(took)*percent/100].Nanoseconds()), nil
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// barInterval is how often the parent looks at the slots.
const barInterval = 20 * time.Millisecond

// children are the processes that a run, or a measurement, has started.
type children struct {
	all   []*child
	ended chan *child
	alive int
	env   []string // in addition to ours
}

type child struct {
	*exec.Cmd
	slot   int
	stdin  io.Closer // its end is the child's
	stdout bytes.Buffer
	stderr bytes.Buffer
	victim bool // is to be killed when it stops
	err    error
}

// startChildren starts one for each slot. On an error it returns those that it
// started before.
func (c *runCommand) startChildren(b *board) (*children, error) {
	cs := newChildren(c.Children)
	for i := range c.Children {
		b.slots[i].Target.Store(c.Iterations)
		args := []string{"child", "--key", b.seg.Key().String(), "--slot", strconv.Itoa(i)}
		victim := i < c.Kill
		if victim {
			// The steps in turn, beginning with the one that shows most.
			step := locked + (i+1)%(both-locked+1)
			args = append(args, "--stop-step", strconv.Itoa(step), "--stop-at", strconv.Itoa(int(c.Iterations/2)))
		}
		if err := cs.start(victim, args...); err != nil {
			return cs, err
		}
	}
	return cs, nil
}

func newChildren(n int) *children {
	return &children{ended: make(chan *child, n)}
}

// start starts this program again: Go programs can't fork. The new process is
// to end with its standard input, see liveWithParent.
func (cs *children) start(victim bool, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ch := &child{Cmd: exec.Command(self, args...), slot: len(cs.all), victim: victim}
	ch.Env = append(os.Environ(), cs.env...)
	ch.Stdout, ch.Stderr = &ch.stdout, &ch.stderr
	if ch.stdin, err = ch.StdinPipe(); err != nil {
		return err
	}
	if err := ch.Start(); err != nil {
		return err
	}
	cs.all = append(cs.all, ch)
	cs.alive++
	go func() {
		ch.err = ch.Wait()
		cs.ended <- ch
	}()
	return nil
}

// liveWithParent ends a process that children.start started when its parent lets go
// of it, or has died however it did, and leaves signals to the parent: the
// terminal sends Ctrl-C to all of them.
func liveWithParent(cancel context.CancelCauseFunc) {
	term.IgnoreSignals()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel(errParentGone)
	}()
}

// await waits until every child is ready, which allReady does. One that ends
// before then ends the run.
func (cs *children) await(ctx context.Context, allReady func(context.Context) error, name func(slot int) string) error {
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
		return fmt.Errorf("%s (pid %d) ended before it began: %w", name(ch.slot), ch.Process.Pid, ch.failure())
	}
}

// reap waits until every child has ended, and kills those that stop in order
// to be killed.
func (cs *children) reap(ctx context.Context, b *board, bars *term.Bars) error {
	tick := time.NewTicker(barInterval)
	defer tick.Stop()
	for cs.alive > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ch := <-cs.ended:
			cs.alive--
			b.slots[ch.slot].State.CompareAndSwap(present, dead)
		case <-tick.C:
			bars.Update()
			cs.kill(b.slots)
		}
	}
	return nil
}

// kill kills those that have stopped in order to be killed.
func (cs *children) kill(slots []slot) {
	for _, ch := range cs.all {
		if ch.victim && slots[ch.slot].State.Load() == stopped {
			ch.Process.Kill()
		}
	}
}

// finish waits until every child has ended well.
func (cs *children) finish(ctx context.Context) error {
	for cs.alive > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ch := <-cs.ended:
			cs.alive--
			if ch.err != nil {
				return fmt.Errorf("process %d failed: %w", ch.slot, ch.failure())
			}
		}
	}
	return nil
}

// failure returns what went wrong with children that were not to be killed,
// once all have ended.
func (cs *children) failure(name func(slot int) string) error {
	var errs []string
	for _, ch := range cs.all {
		if ch.err != nil && !ch.victim {
			errs = append(errs, fmt.Sprintf("%s failed: %v", name(ch.slot), ch.failure()))
		}
	}
	if errs == nil {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}

// failure is how a child ended, in its own words where it had any, without the
// hint below them.
func (ch *child) failure() error {
	said, _, _ := strings.Cut(strings.TrimPrefix(ch.stderr.String(), "ipcdemo: "), "\n")
	switch {
	case said != "":
		return errors.New(said)
	case ch.err != nil:
		return ch.err
	}
	return errors.New("without an error")
}

// explain prints what the children said of the end of a run, each thing once,
// unless it is that they were told to end.
func (cs *children) explain() {
	count := make(map[string]int)
	for _, ch := range cs.all {
		if said := ch.failure().Error(); ch.stderr.Len() > 0 && said != errParentGone.Error() {
			count[said]++
		}
	}
	for _, said := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(os.Stderr, "ipcdemo: %d of %d children ended with: %s\n", count[said], len(cs.all), said)
	}
}

// end closes the pipes that the children live by, waits for them and, before
// it waits for long, kills them.
func (cs *children) end() {
	for _, ch := range cs.all {
		ch.stdin.Close()
	}
	patience := time.After(500 * time.Millisecond)
	for cs.alive > 0 {
		select {
		case <-cs.ended:
			cs.alive--
		case <-patience:
			for _, ch := range cs.all {
				ch.Process.Kill()
			}
		}
	}
}

// Package children is processes of this program that it starts, tells to go on, and
// that never outlive it; and how they say in shared memory what they do.
package children

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"time"
)

// Max is how many children one command may start.
const Max = 1000

// Children are the processes that a run, or a measurement, has started.
type Children struct {
	All   []*Child
	ended chan *Child
	alive int
	env   []string
}

// Child is one of them.
type Child struct {
	*exec.Cmd
	Slot   int // its number
	Stdout bytes.Buffer
	stderr bytes.Buffer
	stdin  io.Closer // its end is the child's
	victim bool      // is to be killed when it stops
	err    error
}

// New returns no children yet, and room for n. Their environment is ours and env.
func New(n int, env ...string) *Children {
	return &Children{ended: make(chan *Child, n), env: env}
}

// Start starts this program again, with arguments: Go programs can't fork. The new
// process is to end with its standard input, see LiveWithParent. A victim stops in order
// to be killed, by KillStopped, and that is no failure of it.
func (cs *Children) Start(victim bool, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ch := &Child{Cmd: exec.Command(self, args...), Slot: len(cs.All), victim: victim}
	ch.Env = append(os.Environ(), cs.env...)
	ch.Cmd.Stdout, ch.Cmd.Stderr = &ch.Stdout, &ch.stderr
	if ch.stdin, err = ch.StdinPipe(); err != nil {
		return err
	}
	if err := ch.Cmd.Start(); err != nil {
		return err
	}
	cs.All = append(cs.All, ch)
	cs.alive++
	go func() {
		ch.err = ch.Wait()
		cs.ended <- ch
	}()
	return nil
}

// Victim tells whether a child is to be killed, or has been dismissed.
func (ch *Child) Victim() bool { return ch.victim }

// Dismiss kills a child that is of no use any more, which is no failure of it.
func (ch *Child) Dismiss() {
	ch.victim = true
	ch.Process.Kill()
}

// End closes the pipes that the children live by, waits for them and, before
// it waits for long, kills them.
func (cs *Children) End() {
	for _, ch := range cs.All {
		ch.stdin.Close()
	}
	patience := time.After(500 * time.Millisecond)
	for cs.alive > 0 {
		select {
		case <-cs.ended:
			cs.alive--
		case <-patience:
			for _, ch := range cs.All {
				ch.Process.Kill()
			}
		}
	}
}

//go:build linux && !android

package kit

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Strays are signals that have nothing to do with a wait.
var Strays = []unix.Signal{unix.SIGURG, unix.SIGUSR1, unix.SIGCHLD}

// CatchStrays keeps them from killing this process until the test ends.
func CatchStrays(t testing.TB) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, unix.SIGUSR1, unix.SIGCHLD)
	t.Cleanup(func() { signal.Stop(caught) })
}

// Signal sends one round of signals to every thread of a process.
func Signal(pid int, sigs ...unix.Signal) error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, thread := range threads {
		tid, _ := strconv.Atoi(thread.Name())
		for _, sig := range sigs {
			unix.Tgkill(pid, tid, sig) // the thread may be gone
		}
	}
	return err
}

// A Target is a call, in another goroutine, that signals come to.
type Target struct {
	t        testing.TB
	sigs     []unix.Signal
	returned atomic.Bool
	wait     func() error
}

// Begin begins a call that these signals are to come to.
func Begin(t testing.TB, call func() error, sigs ...unix.Signal) *Target {
	c := &Target{t: t, sigs: sigs}
	c.wait = Async(t, func() error {
		defer c.returned.Store(true)
		return call()
	})
	return c
}

// Signal sends so many rounds of signals to every thread.
func (c *Target) Signal(rounds int) {
	c.t.Helper()
	for range rounds {
		Must(c.t, Signal(os.Getpid(), c.sigs...))
	}
}

// WantWaiting checks that the call has not returned.
func (c *Target) WantWaiting() {
	c.t.Helper()
	if c.returned.Load() {
		c.t.Error("a signal ended the wait")
	}
}

// Wait waits for the call's error.
func (c *Target) Wait() error {
	c.t.Helper()
	return c.wait()
}

// SignalUntilReturn goes on sending signals until the call returns.
func (c *Target) SignalUntilReturn() error {
	c.t.Helper()
	for end := time.Now().Add(Patience); !c.returned.Load() && time.Now().Before(end); {
		c.Signal(1)
	}
	return c.wait()
}

// Signalled is a call that signals come to until it returns.
func Signalled(t testing.TB, call func(context.Context) error, sigs ...unix.Signal) func(context.Context) error {
	return func(ctx context.Context) error {
		t.Helper()
		return Begin(t, func() error { return call(ctx) }, sigs...).SignalUntilReturn()
	}
}

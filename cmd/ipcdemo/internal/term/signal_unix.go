//go:build unix

package term

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// EndOnSignal cancels with an Interrupted as the cause when the user or the
// system asks the program to end. A closed pipe at an output must not end it
// either: there are objects to remove first.
func EndOnSignal(cancel context.CancelCauseFunc) {
	signal.Ignore(syscall.SIGPIPE)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(c, syscall.SIGHUP)
	}
	go func() {
		s := (<-c).(syscall.Signal)
		cancel(Interrupted{s, int(s)})
	}()
}

// IgnoreSignals leaves Ctrl-C, SIGTERM and the end of the terminal to the parent.
func IgnoreSignals() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}

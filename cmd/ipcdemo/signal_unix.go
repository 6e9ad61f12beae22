//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// endOnSignal cancels with an interrupted as the cause when the user or the
// system asks the program to end. A closed pipe at an output must not end it
// either: there are objects to remove first.
func endOnSignal(cancel context.CancelCauseFunc) {
	signal.Ignore(syscall.SIGPIPE)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(c, syscall.SIGHUP)
	}
	go func() {
		s := (<-c).(syscall.Signal)
		cancel(interrupted{s, int(s)})
	}()
}

func ignoreSignals() {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}

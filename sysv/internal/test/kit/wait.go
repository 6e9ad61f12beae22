//go:build linux && !android

// Package kit is what the tests of several packages have in common: contexts and
// waiting, checks of errors, other users and other kinds of programs, signals and
// cancellations. Only tests import it, and what is about one kind of object is with
// that kind.
package kit

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// Patience bounds what a failure would make endless. No test passes or fails by
// how long something takes.
const Patience = time.Minute

// Patient is for waits that nothing but a failure makes long.
func Patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Brief is for waits that are to end without success.
func Brief(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// BriefWithoutDone is Brief that tells nobody when it ends, as the contract of
// package context allows.
func BriefWithoutDone(testing.TB) context.Context {
	return withoutDone{context.Background(), time.Now().Add(100 * time.Millisecond)}
}

type withoutDone struct {
	context.Context
	deadline time.Time
}

func (c withoutDone) Deadline() (time.Time, bool) { return c.deadline, true }

func (c withoutDone) Err() error {
	if time.Now().Before(c.deadline) {
		return nil
	}
	return context.DeadlineExceeded
}

// Ended is a context that is over.
func Ended(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// Contexts are those that a wait treats differently, none of which ends.
func Contexts(t testing.TB) map[string]context.Context {
	never, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	// Beyond what 32-bit seconds, or a time.Duration, can count.
	far, cancel := context.WithDeadline(t.Context(), time.Now().AddDate(400, 0, 0))
	t.Cleanup(cancel)
	return map[string]context.Context{
		"without end":           context.Background(),
		"that can be cancelled": never,
		"with a deadline":       Patient(t),
		"with a far deadline":   far,
	}
}

// Eventually waits for something that other threads or processes bring about.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	end := time.Now().Add(Patience)
	for tries := 0; !cond(); tries++ {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		if tries < 20 { // it may be about to come true
			runtime.Gosched()
		} else {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// Async calls f and returns a function that waits for its result.
func Async[T any](t testing.TB, f func() T) (wait func() T) {
	done := make(chan T, 1)
	go func() { done <- f() }()
	return func() T {
		t.Helper()
		select {
		case result := <-done:
			return result
		case <-time.After(Patience):
			t.Fatalf("still waiting after %v", Patience)
			panic("unreachable")
		}
	}
}

// WantDeadline checks that a deadline ends a call, and no earlier than it comes.
func WantDeadline(t testing.TB, name string, call func(context.Context) error) {
	t.Helper()
	ctx := Brief(t)
	deadline, _ := ctx.Deadline()
	if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: error %v", name, err)
	}
	if time.Now().Before(deadline) {
		t.Errorf("%s: ended before its deadline", name)
	}
}

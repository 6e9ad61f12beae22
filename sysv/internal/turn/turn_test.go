package turn_test

import (
	"context"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/turn"
)

// A waiter is a goroutine that queues for a turn.
type waiter struct {
	t    *testing.T
	took chan error
	pass chan bool
}

func queue(t *testing.T, x *turn.Turn, ctx context.Context) *waiter {
	t.Helper()
	w := &waiter{t, make(chan error), make(chan bool)}
	before := x.Queued()
	go func() {
		err := x.Take(ctx)
		w.took <- err
		if err == nil {
			<-w.pass
			x.Pass()
			w.pass <- true
		}
	}()
	for end := time.Now().Add(20 * time.Second); x.Queued() == before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("does not queue")
		}
	}
	return w
}

// takes waits until the turn has come to w.
func (w *waiter) takes() {
	w.t.Helper()
	if err := <-w.took; err != nil {
		w.t.Fatal(err)
	}
}

// passes has w pass the turn on.
func (w *waiter) passes() {
	w.pass <- true
	<-w.pass
}

func wantShort(t *testing.T, turn *turn.Turn, want bool, when string) {
	t.Helper()
	if got := turn.Short(); got != want {
		t.Errorf("%s: Short is %v", when, got)
	}
}

func take(t *testing.T, turn *turn.Turn) {
	t.Helper()
	if err := turn.Take(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestShortTellsWhoWaitsFromWhoPassesThrough(t *testing.T) {
	var x turn.Turn
	take(t, &x)
	first := queue(t, &x, t.Context())
	wantShort(t, &x, false, "one has the turn, another queues")
	x.Block()
	second := queue(t, &x, t.Context())
	wantShort(t, &x, true, "the first is blocked")
	x.Pass()
	first.takes()
	third := queue(t, &x, t.Context()) // comes when nobody is blocked
	wantShort(t, &x, true, "it has gone, and two are left who came before")
	first.passes()
	second.takes()
	wantShort(t, &x, true, "one is left")
	second.passes()
	third.takes()
	wantShort(t, &x, false, "all who came before are through")
	third.passes()
	if !x.Idle() {
		t.Error("not idle")
	}
}

// The last of those who wait passes the turn on with nobody behind it, and who
// comes next finds nothing left of that.
func TestShortEndsWithTheLast(t *testing.T) {
	for queued := range 3 {
		var x turn.Turn
		take(t, &x)
		x.Block()
		var ws []*waiter
		for range queued {
			ws = append(ws, queue(t, &x, t.Context()))
		}
		x.Pass()
		for _, w := range ws {
			w.takes()
			wantShort(t, &x, true, "one of them has the turn")
			w.passes()
		}
		wantShort(t, &x, false, "all are through")
		take(t, &x)
		wantShort(t, &x, false, "another has the turn")
		x.Pass()
		if !x.Idle() {
			t.Error("not idle")
		}
	}
}

// Who gives up is not waited for.
func TestShortEndsForThoseWhoGiveUp(t *testing.T) {
	var x turn.Turn
	take(t, &x)
	x.Block()
	stays := queue(t, &x, t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	goes := []*waiter{queue(t, &x, ctx), queue(t, &x, ctx)}
	x.Pass()
	stays.takes()
	cancel()
	for _, w := range goes {
		if err := <-w.took; err != context.Canceled {
			t.Errorf("error %v", err)
		}
	}
	wantShort(t, &x, true, "one of those who waited has the turn")
	stays.passes()
	wantShort(t, &x, false, "it is through")
	take(t, &x)
	x.Pass()
	if !x.Idle() {
		t.Error("not idle")
	}
}

// deadlineOnly is a context that has a deadline, and no channel that tells of it.
type deadlineOnly struct {
	context.Context
	deadline time.Time
}

func (c deadlineOnly) Deadline() (time.Time, bool) { return c.deadline, true }

// The context package's contract allows a nil Done beside a deadline.
func TestDeadlineWithoutDone(t *testing.T) {
	var x turn.Turn
	take(t, &x)
	w := queue(t, &x, deadlineOnly{context.Background(), time.Now().Add(200 * time.Millisecond)})
	if err := <-w.took; err != context.DeadlineExceeded {
		t.Errorf("Take = %v, want %v", err, context.DeadlineExceeded)
	}
	x.Pass()
	if !x.Idle() {
		t.Error("the turn is not free after its waiter gave up")
	}
}

// Who has no time left gets nothing, although it is to be had.
func TestTakeWithAContextThatHasEnded(t *testing.T) {
	var x turn.Turn
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := x.Take(ctx); err != context.Canceled {
		t.Errorf("Take = %v, want %v", err, context.Canceled)
	}
	if !x.Idle() {
		t.Error("it has got the turn")
	}
}

// The turn may become free when somebody is about to queue for it.
func TestQueuingWhenTheTurnBecomesFree(t *testing.T) {
	var x turn.Turn
	take(t, &x)
	release := x.HoldQueue()
	took := make(chan error, 1)
	go func() { took <- x.Take(t.Context()) }()
	time.Sleep(20 * time.Millisecond) // for it to find the turn taken
	x.Pass()
	release()
	select {
	case err := <-took:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the turn is free, and who wants it does not get it")
	}
	x.Pass()
	if !x.Idle() {
		t.Error("not idle")
	}
}

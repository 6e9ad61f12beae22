//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// wantFailure checks that an error names call and ring, and what it says of the reason.
func wantFailure(t *testing.T, err error, call string, key sysv.Key, id int, cause error, hint string) {
	t.Helper()
	e, ok := err.(*sysv.Error)
	if !ok {
		t.Errorf("ring.%s: error %v, a %T", call, err, err)
		return
	}
	if e.Op != "ring."+call || e.Key != key || e.ID != id || !errors.Is(err, cause) || !strings.Contains(e.Hint, hint) {
		t.Errorf("error %+v, want of ring.%s, key %v, id %d, %v, hint %q", e, call, key, id, cause, hint)
	}
	if begin := fmt.Sprintf("ring.%s id %d: ", call, id); !strings.HasPrefix(e.Error(), begin) {
		t.Errorf("error %q does not begin with %q", e, begin)
	}
}

// A wait in vain says for what that was, and who may be the reason.
func TestWaitsInVain(t *testing.T) {
	key := [3]sysv.Key{newKey(t), newKey(t), newKey(t)}
	q, err := CreateQueue(bg, key[0], &Config{Size: 512})
	kit.Must(t, err)
	endQueue(t, q)
	f, err := CreateFeed(bg, key[1], &Config{Size: 512, Cursors: 3})
	kit.Must(t, err)
	defer func() { kit.Must(t, f.Remove()); kit.Must(t, f.group.Close()) }()
	l, err := CreateLatest(bg, key[2], 8, nil)
	kit.Must(t, err)
	defer func() { kit.Must(t, l.Remove()); kit.Must(t, l.Close()) }()
	s := subscribe(t, f)

	const (
		record = "there was no record"
		room   = "no room for a record of 100 bytes: 464 of 512" // with what was discarded
		writer = "being written, by the member in slot 0"
	)
	long := make([]byte, 100)
	holding := func(m *mutex) func() func() {
		return func() func() {
			kit.Must(t, m.enter(bg))
			return func() { kit.Must(t, m.unlock()) }
		}
	}
	nothing := func() func() { return func() {} }
	// full is where nothing fits any more, and nothing of it is given back.
	full := func(send func([]byte) (bool, error)) func() func() {
		return func() func() {
			for ok := true; ok; {
				var err error
				ok, err = send(long)
				kit.Must(t, err)
			}
			return func() {}
		}
	}
	queueReserved := func() func() {
		r, err := q.Reserve(bg, 1)
		kit.Must(t, err)
		return func() { kit.Must(t, r.Discard()) }
	}
	feedReserved := func() func() {
		r, err := f.Reserve(bg, 1)
		kit.Must(t, err)
		return func() { kit.Must(t, r.Discard()) }
	}
	other, err := OpenQueue(bg, key[0], nil)
	kit.Must(t, err)
	closeQueue(t, other)
	otherFeed, err := OpenFeed(bg, key[1], nil)
	kit.Must(t, err)
	defer otherFeed.Close()
	otherLatest, err := OpenLatest(bg, key[2], nil)
	kit.Must(t, err)
	defer otherLatest.Close()

	for _, tt := range []struct {
		what, hint string
		prepare    func() (undo func())
		call       func(ctx context.Context) error
	}{
		{"Queue.Receive", record, nothing, func(ctx context.Context) error { _, err := q.Receive(ctx); return err }},
		{"Queue.Receive", record, nothing, func(ctx context.Context) error { _, err := q.Next(ctx, nil); return err }},
		{"Queue.ReceiveBatch", record, nothing, func(ctx context.Context) error { _, err := q.ReceiveBatch(ctx, make([]Record, 2)); return err }},
		{"Queue.Receive", writer, queueReserved, func(ctx context.Context) error { _, err := q.Receive(ctx); return err }},
		{"Queue.Send", "is sending is stopped or slow", holding(&other.producers), func(ctx context.Context) error { return q.Send(ctx, nil) }},
		{"Queue.Reserve", "is sending is stopped or slow", holding(&other.producers), func(ctx context.Context) error { _, err := q.Reserve(ctx, 1); return err }},
		{"Queue.Aside", "is receiving is stopped or slow", holding(&other.consumers), func(ctx context.Context) error { _, _, err := q.Aside(ctx); return err }},
		{"Queue.Send", room, full(q.TrySend), func(ctx context.Context) error { return q.Send(ctx, long) }},
		{"Queue.SendBatch", room, nothing, func(ctx context.Context) error { _, err := q.SendBatch(ctx, [][]byte{long}); return err }},
		{"Queue.Reserve", room, nothing, func(ctx context.Context) error { _, err := q.Reserve(ctx, 100); return err }},

		{"Feed.Subscription.Receive", record, nothing, func(ctx context.Context) error { _, err := s.Receive(ctx); return err }},
		{"Feed.Subscription.ReceiveBatch", record, nothing, func(ctx context.Context) error { _, err := s.ReceiveBatch(ctx, make([]FeedRecord, 2)); return err }},
		{"Feed.Subscription.Next", record, nothing, func(ctx context.Context) error { _, err := s.Next(ctx, nil); return err }},
		{"Feed.Subscription.Receive", writer, feedReserved, func(ctx context.Context) error { _, err := s.Receive(ctx); return err }},
		{"Feed.Subscribe", "is sending or joining is stopped or slow", holding(&otherFeed.producers), func(ctx context.Context) error { _, err := f.Subscribe(ctx); return err }},
		{"Feed.Send", "is sending or joining is stopped or slow", holding(&otherFeed.producers), func(ctx context.Context) error { return f.Send(ctx, nil) }},
		{"Feed.Send", room, full(f.TrySend), func(ctx context.Context) error { return f.Send(ctx, long) }},
		{"Feed.SendBatch", room, nothing, func(ctx context.Context) error { _, err := f.SendBatch(ctx, [][]byte{long}); return err }},
		{"Feed.Reserve", room, nothing, func(ctx context.Context) error { _, err := f.Reserve(ctx, 100); return err }},

		{"Latest.Wait", "no value came after number 0", nothing, func(ctx context.Context) error { return l.Wait(ctx, 0) }},
		{"Latest.Set", "is setting a value is stopped or slow", holding(&otherLatest.writers), func(ctx context.Context) error { _, err := l.Set(ctx, nil); return err }},
	} {
		key, id := q.Key(), q.ID()
		switch {
		case strings.HasPrefix(tt.what, "Feed"):
			key, id = f.Key(), f.ID()
		case strings.HasPrefix(tt.what, "Latest"):
			key, id = l.Key(), l.ID()
		}
		undo := tt.prepare()
		wantFailure(t, tt.call(kit.Brief(t)), tt.what, key, id, context.DeadlineExceeded, tt.hint)
		wantFailure(t, tt.call(kit.Ended(t)), tt.what, key, id, context.Canceled, "")
		undo()
	}
	kit.Must(t, s.Close())
}

// What is refused says so, too.
func TestRefusals(t *testing.T) {
	_, q := newQueue(t, 64)
	_, f := newTestFeed(t, 64, 1, false)
	_, lossy := newTestFeed(t, 64, 0, true)
	_, l := newLatestOfBytes(t, 8)
	s, of := subscribe(t, f), subscribe(t, lossy)
	long := make([]byte, 1000)
	refused := func(call string, id int, err, cause error, hint string) {
		t.Helper()
		wantFailure(t, err, call, sysv.Private, id, cause, hint)
	}
	refused("Queue.Send", q.ID(), q.Send(bg, long), ErrTooLong, "1000 bytes, 120 at most")
	refused("Feed.Send", f.ID(), f.Send(bg, long), syscall.EMSGSIZE, "1000 bytes, 120 at most")
	_, err := l.Set(bg, long)
	refused("Latest.Set", l.ID(), err, ErrTooLong, "1000 bytes, 8 at most")
	_, err = f.Subscribe(bg)
	refused("Feed.Subscribe", f.ID(), err, syscall.EAGAIN, "all cursors are taken")
	_, err = f.Reserve(bg, 1)
	refused("Feed.Reserve", f.ID(), err, syscall.EAGAIN, "all cursors are taken")
	_, err = lossy.Reserve(bg, 1)
	refused("Feed.Reserve", lossy.ID(), err, errors.ErrUnsupported, "use Send")
	_, err = of.Receive(bg)
	refused("Feed.Subscription.Receive", lossy.ID(), err, errors.ErrUnsupported, "use Next")
	_, err = of.ReceiveBatch(bg, make([]FeedRecord, 1))
	refused("Feed.Subscription.ReceiveBatch", lossy.ID(), err, errors.ErrUnsupported, "use Next")
	refused("Feed.Close", f.ID(), f.Close(), ErrInUse, "is open")
	kit.Must(t, s.Close())
	kit.Must(t, of.Close())
}

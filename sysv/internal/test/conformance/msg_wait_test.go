//go:build linux && !android

package conformance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"golang.org/x/sys/unix"
)

// Calls that wait, and who wakes them: msgop(2), signal(7).
var msgWaitRows = []row{
	{"MSG-019", "a signal interrupts who waits to send (EINTR), even if its handler has SA_RESTART as Go's have: Send goes on waiting, and ends with its context", func(t *testing.T) {
		q := fullQueue(t)
		p := newQueuePeer(t, q)
		p.want(nil, "catch")
		p.tell("send", 2, "y")
		signalWhoWaits(t, p)
		wantTaken(t, q, msg.Any, "1 x")
		p.Expect(answerText(nil))
		wantLeft(t, q, "2 y")

		putInQueue(t, q, "1 x")
		wantCancelled(t, func(ctx context.Context) error { return q.Send(ctx, 2, []byte("y")) })
		wantLeft(t, q, "1 x")
	}},
	{"MSG-020", "removal of the queue ends a wait to send with EIDRM", func(t *testing.T) {
		q := fullQueue(t)
		p := newQueuePeer(t, q)
		p.tell("send", 2, "y")
		wantRemovalEnds(t, q, p, func(ctx context.Context) error { return q.Send(ctx, 2, []byte("y")) })
	}},
	{"MSG-021", "who waits to send goes on when another receives", func(t *testing.T) {
		wantWoken(t, func(q *msg.Queue) error {
			_, err := receiveInto(forever, q, msg.Type(1), 10)
			return err
		}, "2 y")
	}},
	{"MSG-023", "who waits to send goes on when the queue may hold more", func(t *testing.T) {
		wantWoken(t, func(q *msg.Queue) error { return q.SetMaxBytes(2) }, "1 x", "2 y")
	}},
	{"MSG-040", "a signal interrupts who waits to receive (EINTR), even if its handler has SA_RESTART as Go's have: Receive goes on waiting, and ends with its context", func(t *testing.T) {
		q := newQueue(t)
		p := newQueuePeer(t, q)
		p.want(nil, "catch")
		p.tell("receive", "any")
		signalWhoWaits(t, p)
		putInQueue(t, q, "1 a")
		p.Expect(answerText("1 a"))

		wantCancelled(t, func(ctx context.Context) error {
			_, err := receiveInto(ctx, q, msg.Any, 10)
			return err
		})
		putInQueue(t, q, "1 b")
		wantLeft(t, q, "1 b")
	}},
	{"MSG-041", "removal of the queue ends a wait to receive with EIDRM", func(t *testing.T) {
		q := newQueue(t)
		p := newQueuePeer(t, q)
		p.tell("receive", "type:7")
		wantRemovalEnds(t, q, p, func(ctx context.Context) error {
			_, err := receiveInto(ctx, q, msg.Any, 10)
			return err
		})
	}},
	{"MSG-049", "only a message of the type that he waits for wakes a receiver, who is then the last; the kernel notes his thread", func(t *testing.T) {
		q := newQueue(t)
		p := newQueuePeer(t, q)
		p.tell("receive", "type:7")
		kit.AwaitBlocked(t, p.pid(), 1)
		putInQueue(t, q, "6 a")
		wantSame(t, "messages", queueStat(t, q).Messages, 1)
		kit.AwaitBlocked(t, p.pid(), 1)
		putInQueue(t, q, "7 b")
		p.Expect(answerText("7 b"))
		wantSame(t, "messages", queueStat(t, q).Messages, 1)
		emulator.Queues.Skip(t)
		lrpid := queueStat(t, q).LRPID
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", p.pid(), lrpid)); err != nil {
			t.Errorf("last received by %d, no thread of %d: %v", lrpid, p.pid(), err)
		}
		wantLeft(t, q, "6 a")
		wantSame(t, "who received last", queueStat(t, q).LRPID, os.Getpid())
	}},
}

// signalWhoWaits sends signals to a peer that waits and has a handler for them,
// after which it waits again.
func signalWhoWaits(t *testing.T, p peer) {
	t.Helper()
	kit.AwaitBlocked(t, p.pid(), 1)
	kit.Must(t, kit.Signal(p.pid(), unix.SIGUSR1))
	p.Expect(unix.SIGUSR1.String())
	for range 20 {
		kit.Must(t, kit.Signal(p.pid(), unix.SIGUSR1))
	}
	kit.AwaitBlocked(t, p.pid(), 1)
}

// wantCancelled checks that the end of its context ends a call that waits, and
// that signals don't put off its deadline.
func wantCancelled(t *testing.T, call func(context.Context) error) {
	t.Helper()
	for name, parent := range kit.Contexts(t) {
		ctx, cancel := context.WithCancel(parent)
		wait := kit.Async(t, func() error { return call(ctx) })
		kit.AwaitBlocked(t, os.Getpid(), 1)
		cancel()
		if err := wait(); !errors.Is(err, context.Canceled) {
			t.Errorf("context %s: error %v", name, err)
		}
	}
	kit.WantDeadline(t, "under signals", kit.Signalled(t, call, unix.SIGURG))
}

// wantRemovalEnds removes a queue on which a peer waits, and calls of ours.
func wantRemovalEnds(t *testing.T, q *msg.Queue, p peer, call func(context.Context) error) {
	t.Helper()
	kit.AwaitBlocked(t, p.pid(), 1)
	var waits []func() error
	for _, ctx := range kit.Contexts(t) {
		waits = append(waits, kit.Async(t, func() error { return call(ctx) }))
	}
	kit.AwaitBlocked(t, os.Getpid(), len(waits))
	kit.Must(t, q.Remove())
	p.Expect(answerText(sysv.ErrRemoved))
	for _, wait := range waits {
		kit.WantError(t, wait(), sysv.ErrRemoved)
	}
	_, err := msg.OpenID(q.ID())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its removal: %v", err)
	}
}

// wantWoken has wake let those go on who wait to send "2 y" to a full queue: a
// call of ours with each kind of context, and a peer. What is in the queue then
// must be this.
func wantWoken(t *testing.T, wake func(q *msg.Queue) error, left ...string) {
	t.Helper()
	for name, ctx := range kit.Contexts(t) {
		q := fullQueue(t)
		wait := kit.Async(t, func() error { return q.Send(ctx, 2, []byte("y")) })
		kit.AwaitBlocked(t, os.Getpid(), 1)
		kit.Must(t, wake(q))
		if err := wait(); err != nil {
			t.Errorf("context %s: %v", name, err)
		}
		wantLeft(t, q, left...)
	}
	q := fullQueue(t)
	p := newQueuePeer(t, q)
	p.tell("send", 2, "y")
	kit.AwaitBlocked(t, p.pid(), 1)
	kit.Must(t, wake(q))
	p.Expect(answerText(nil))
	wantLeft(t, q, left...)
}

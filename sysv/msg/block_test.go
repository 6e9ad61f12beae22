//go:build linux && !android

package msg_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

func receiveText(ctx context.Context, q *msg.Queue, sel msg.Selector) func() string {
	return func() string {
		m, err := q.Receive(ctx, sel, make([]byte, 10))
		if err != nil {
			return outcome(err)
		}
		return text(m)
	}
}

func TestReceiversAreWoken(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		for _, tt := range []struct {
			sel  msg.Selector
			in   []string
			want string
			left []string
		}{
			{msg.Any, []string{"3 a"}, "3 a", nil},
			{msg.Type(7), []string{"6 a", "8 b", "7 c"}, "7 c", []string{"6 a", "8 b"}},
			{msg.UpTo(2), []string{"3 a", "2 b"}, "2 b", []string{"3 a"}},
			{msg.Except(3), []string{"3 a", "3 b", "4 c"}, "4 c", []string{"3 a", "3 b"}},
			{msg.Any, []string{"1 "}, "1 ", nil},
			{msg.Any, []string{"1 longer than 10"}, "E2BIG", []string{"1 longer than 10"}},
			{msg.Any.Truncate(), []string{"1 longer than 10"}, "1 longer tha...", nil},
		} {
			t.Run(fmt.Sprintf("%v, context %s", tt.sel, name), func(t *testing.T) {
				q := newQueue(t)
				wait := kit.Async(t, receiveText(ctx, q, tt.sel))
				awaitBlocked(t, 1)
				send(t, q, tt.in...)
				if got := wait(); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				wantLeft(t, q, tt.left...)
			})
		}
		t.Run("Next, context "+name, func(t *testing.T) {
			q := newQueue(t)
			wait := kit.Async(t, func() (r result) { r.m, r.err = q.Next(ctx, msg.Any); return r })
			awaitBlocked(t, 1)
			long := "5 " + string(filled(8000, 'x'))
			send(t, q, long)
			if r := wait(); r.err != nil || text(r.m) != long {
				t.Errorf("got %.100q, %v", text(r.m), r.err)
			}
		})
	}
}

func TestSendersAreWoken(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		for how, wake := range map[string]func(q *msg.Queue) error{
			"Receive":     func(q *msg.Queue) error { _, err := q.Receive(bg, msg.Type(1), make([]byte, 1)); return err },
			"SetMaxBytes": func(q *msg.Queue) error { return q.SetMaxBytes(2) },
		} {
			t.Run(how+", context "+name, func(t *testing.T) {
				q := full(t)
				wait := kit.Async(t, func() error { return q.Send(ctx, 2, []byte("y")) })
				awaitBlocked(t, 1)
				kit.Must(t, wake(q))
				kit.Must(t, wait())
				if how == "Receive" {
					wantLeft(t, q, "2 y")
				} else {
					wantLeft(t, q, "1 x", "2 y")
				}
			})
		}
	}
}

func TestDeadlineEndsAWait(t *testing.T) {
	empty, full := newQueue(t), full(t)
	for _, b := range blockingCalls(empty, full) {
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
			defer cancel()
			deadline, _ := ctx.Deadline()
			if err := b.call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: error %v", b.name, err)
			}
			if time.Now().Before(deadline) {
				t.Errorf("%s ended before its deadline", b.name)
			}
		}
	}
	awaitBlocked(t, 0)
	wantLeft(t, empty)
	wantLeft(t, full, "1 x")
}

func TestCancelEndsAWait(t *testing.T) {
	empty, full := newQueue(t), full(t)
	for _, b := range blockingCalls(empty, full) {
		for name, parent := range kit.Contexts(t) {
			ctx, cancel := context.WithCancel(parent)
			wait := kit.Async(t, func() error { return b.call(ctx) })
			awaitBlocked(t, 1)
			cancel()
			if err := wait(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, context %s: error %v", b.name, name, err)
			}
		}
	}
	wantLeft(t, empty)
	wantLeft(t, full, "1 x")
}

// waits waits for a message of its own, and stays.
var waits = sysvtest.Helper("waits", func(args []string) error {
	q, _, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = q.Receive(bg, msg.Type(99), nil)
	fmt.Println(outcome(err))
	return nil
})

func TestRemovalEndsAWait(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		for i := range 3 {
			empty, full := newQueue(t), full(t)
			b := blockingCalls(empty, full)[i]
			t.Run(b.name+", context "+name, func(t *testing.T) {
				wait := kit.Async(t, func() error { return b.call(ctx) })
				awaitBlocked(t, 1)
				kit.Must(t, empty.Remove())
				kit.Must(t, full.Remove())
				kit.WantHint(t, wait(), sysv.ErrRemoved, "ipcrm")
			})
		}
	}
	q := newQueue(t)
	p := sysvtest.Start(t, waits, strconv.Itoa(q.ID()))
	p.Expect("ready")
	kit.AwaitBlocked(t, p.Process.Pid, 1)
	kit.Must(t, q.Remove())
	p.Expect(sysv.ErrRemoved.Error())
	p.Finish()
}

// The kernel looks at the permissions again of whom it wakes: of receivers when
// they change, of senders when there is room.
func TestPermissionCanBeTakenFromWhoWaits(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipping: root is refused nothing: run the test as another user too")
	}
	for i := range 3 {
		empty, full := newQueue(t), full(t)
		b := blockingCalls(empty, full)[i]
		t.Run(b.name, func(t *testing.T) {
			wait := kit.Async(t, func() error { return b.call(bg) })
			awaitBlocked(t, 1)
			kit.Must(t, empty.SetMode(0))
			kit.Must(t, full.SetMode(0))
			kit.Must(t, full.SetMaxBytes(2))
			kit.WantHint(t, wait(), fs.ErrPermission, "mode 0")
		})
	}
}

// A change that takes nothing from them leaves them waiting.
func TestChangesDoNotEndAWait(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		empty, full := newQueue(t), full(t)
		wait := kit.Async(t, receiveText(ctx, empty, msg.Any))
		waitFull := kit.Async(t, func() error { return full.Send(ctx, 2, []byte("y")) })
		awaitBlocked(t, 2)
		for _, q := range []*msg.Queue{empty, full} {
			for range 10 {
				kit.Must(t, q.SetMode(0o660))
				kit.Must(t, q.SetMaxBytes(1))
			}
		}
		awaitBlocked(t, 2)
		send(t, empty, "1 a")
		if got := wait(); got != "1 a" {
			t.Errorf("context %s: got %q", name, got)
		}
		kit.Must(t, full.SetMaxBytes(2))
		kit.Must(t, waitFull())
		wantLeft(t, full, "1 x", "2 y")
	}
}

// The call is interrupted each time, and made anew. A cancellation is a signal
// among others then.
func TestSignals(t *testing.T) {
	kit.CatchStrays(t)
	for name, parent := range kit.Contexts(t) {
		for i := range 3 {
			empty, full := newQueue(t), full(t)
			b := blockingCalls(empty, full)[i]
			t.Run(b.name+", context "+name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(parent)
				if name == "without end" {
					ctx = bg
				}
				call := kit.Begin(t, func() error { return b.call(ctx) }, kit.Strays...)
				awaitBlocked(t, 1)
				call.Signal(50)
				awaitBlocked(t, 1)
				call.WantWaiting()
				want := context.Canceled
				if ctx == bg {
					want = nil
					send(t, empty, "1 a")
					_, _, err := full.TryNext(msg.Any)
					kit.Must(t, err)
				} else {
					time.AfterFunc(0, cancel)
				}
				err := call.SignalUntilReturn()
				cancel()
				if !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
			})
		}
	}
}

// A wait that began anew after each signal would never end here.
func TestSignalsDoNotExtendADeadline(t *testing.T) {
	kit.CatchStrays(t)
	empty, full := newQueue(t), full(t)
	for _, b := range blockingCalls(empty, full) {
		kit.WantDeadline(t, b.name, kit.Signalled(t, b.call, kit.Strays...))
	}
}

func TestReceiversAreServedInTheirOrder(t *testing.T) {
	q := newQueue(t)
	var queue []func() string
	for i := range 3 {
		queue = append(queue, kit.Async(t, receiveText(bg, q, msg.Any)))
		awaitBlocked(t, i+1)
	}
	for i := range queue {
		send(t, q, fmt.Sprintf("1 %d", i))
	}
	for i, wait := range queue {
		if got, want := wait(), fmt.Sprintf("1 %d", i); got != want {
			t.Errorf("receiver %d got %q, want %q", i, got, want)
		}
	}
}

func TestMessageThatCanNeverBeSentIsNotWaitedFor(t *testing.T) {
	q := full(t)
	err := q.Send(bg, 1, []byte("yy"))
	kit.WantHint(t, err, syscall.EINVAL, "a message of 2 bytes, the queue holds 1 at most")
}

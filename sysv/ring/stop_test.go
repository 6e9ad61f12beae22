//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// stoppers stop themselves where they have what the name says, and finish when they go
// on.
var stoppers = map[string]func(q *Queue, stop func()) error{
	"a record": func(q *Queue, stop func()) error {
		r, err := q.Receive(bg)
		if err != nil {
			return err
		}
		stop()
		return r.Done()
	},
	"a reservation": func(q *Queue, stop func()) error {
		r, err := q.Reserve(bg, 4)
		if err != nil {
			return err
		}
		stop()
		copy(r.Bytes, "late")
		return r.Commit()
	},
	"nothing": func(q *Queue, stop func()) error {
		stop()
		return nil
	},
	"the producers' mutex": func(q *Queue, stop func()) error {
		_, err := q.producers.lock(bg)
		stop()
		return errors.Join(err, q.producers.unlock())
	},
	"the consumers' mutex": func(q *Queue, stop func()) error {
		_, err := q.consumers.lock(bg)
		stop()
		return errors.Join(err, q.consumers.unlock())
	},
}

var stopper = sysvtest.Helper("stopper", func(args []string) error {
	q, err := joinByIDs(args[:3])
	if err != nil {
		return err
	}
	if err := stoppers[args[3]](q, func() { fmt.Println("has it"); kit.StopHere() }); err != nil {
		return err
	}
	fmt.Println("went on")
	return nil
})

// stopped starts a process that is stopped, and returns what lets it go on.
func stopped(t *testing.T, ids []string, what string) (goOn func()) {
	t.Helper()
	p := sysvtest.Start(t, stopper, ids[0], ids[1], "1", what)
	p.Expect("has it")
	kit.AwaitStopped(t, p.Process.Pid)
	return func() {
		t.Helper()
		kit.Must(t, p.Process.Signal(syscall.SIGCONT))
		p.Expect("went on")
	}
}

// waits fails if a call does not wait.
func waits(t *testing.T, what string, call func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%s: %v, want that it waits", what, err)
	}
}

func sendsOne(q *Queue) func(ctx context.Context) error {
	return func(ctx context.Context) error { return q.Send(ctx, make([]byte, 8)) }
}

func receivesOne(q *Queue) func(ctx context.Context) error {
	return func(ctx context.Context) error { _, err := q.Receive(ctx); return err }
}

// fill sends until there is no room.
func fillUp(t *testing.T, q *Queue) (n int) {
	t.Helper()
	for {
		ok, err := q.TrySend(make([]byte, 8))
		kit.Must(t, err)
		if !ok {
			return n
		}
		n++
	}
}

// Who is stopped with a record holds up that record and its room, but not those that were
// claimed with it.
func TestStoppedWithARecord(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1", "2", "3")
	goOn := stopped(t, ids, "a record")
	kit.Must(t, receive(t, q, "2", 0).Done())
	kit.Must(t, receive(t, q, "3", 0).Done())
	n := fillUp(t, q)
	for range n {
		kit.Must(t, receive(t, q, string(make([]byte, 8)), 0).Done())
	}
	waits(t, "Send, once around the ring", sendsOne(q))
	goOn()
	kit.Must(t, q.Send(kit.Patient(t), []byte("4")))
	kit.Must(t, receive(t, q, "4", 0).Done())
	nothingLeft(t, q)
}

// Who is stopped with a reservation holds up what was sent after it, but not what
// was sent before, nor who sends.
func TestStoppedWithAReservation(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "before")
	goOn := stopped(t, ids, "a reservation")
	send(t, q, "after")
	kit.Must(t, receive(t, q, "before", 0).Done())
	waits(t, "Receive", receivesOne(q))
	goOn()
	kit.Must(t, receive(t, q, "late", 0).Done())
	kit.Must(t, receive(t, q, "after", 0).Done())
	nothingLeft(t, q)
}

func TestStoppedWithNothing(t *testing.T) {
	ids, q := newQueue(t, 64)
	goOn := stopped(t, ids, "nothing")
	for range 100 {
		send(t, q, "x", "y")
		kit.Must(t, receive(t, q, "x", 0).Done())
		kit.Must(t, receive(t, q, "y", 0).Done())
	}
	nothingLeft(t, q)
	goOn()
}

// Within Send or Reserve, for less than a microsecond, it holds up all who send, and
// nobody who receives.
func TestStoppedInSend(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1", "2")
	goOn := stopped(t, ids, "the producers' mutex")
	waits(t, "Send", sendsOne(q))
	kit.Must(t, receive(t, q, "1", 0).Done())
	kit.Must(t, receive(t, q, "2", 0).Done())
	goOn()
	kit.Must(t, q.Send(kit.Patient(t), []byte("3")))
	kit.Must(t, receive(t, q, "3", 0).Done())
}

// Within Receive, where it claims, it holds up all who claim, but nobody who sends, who is
// done with something, or who receives more of what he has claimed.
func TestStoppedInReceive(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1", "2")
	r := receive(t, q, "1", 0)
	goOn := stopped(t, ids, "the consumers' mutex")
	kit.Must(t, receive(t, q, "2", 0).Done())
	kit.Must(t, r.Done())
	send(t, q, "3")
	waits(t, "Receive", receivesOne(q))
	goOn()
	kit.Must(t, receive(t, q, "3", 0).Done())
}

//go:build linux && !android

package msg_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// Every length comes out as it went in, on either side of where buffers change.
func TestLengths(t *testing.T) {
	q := newQueue(t)
	for _, n := range []int{0, 1, 7, 8, 9, 63, 64, 127, 128, 129, 1000, 4047, 4048, 4049, 4096, 8191, 8192} {
		for _, room := range []int{n, n + 1, n + 100} {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(i*7 + n)
			}
			given := bytes.Clone(data)
			kit.Must(t, q.Send(bg, n+1, data))
			if !bytes.Equal(given, data) {
				t.Fatalf("%d bytes: Send changed them", n)
			}
			buf := filled(room+10, 0xee)
			m, err := q.Receive(bg, msg.Any, buf[:room])
			kit.Must(t, err)
			if m.Type != n+1 || !bytes.Equal(m.Data, data) || m.Truncated {
				t.Errorf("%d bytes into %d: got %d of type %d, truncated %v", n, room, len(m.Data), m.Type, m.Truncated)
			}
			if !bytes.Equal(buf[n:], filled(room+10-n, 0xee)) {
				t.Errorf("%d bytes into %d: more of buf was changed", n, room)
			}
			if n > 0 && &m.Data[0] != &buf[0] {
				t.Errorf("%d bytes into %d: Data is not in buf", n, room)
			}
		}
	}
}

func TestTypes(t *testing.T) {
	q := newQueue(t)
	for _, typ := range []int{1, 2, 255, 1 << 16, math.MaxInt32, math.MaxInt} {
		kit.Must(t, q.Send(bg, typ, []byte("x")))
		for _, sel := range []msg.Selector{msg.Any, msg.Type(typ), msg.UpTo(typ), msg.UpTo(math.MaxInt), msg.Except(typ%2 + 1)} {
			if sel == msg.Except(typ) {
				continue
			}
			m, err := q.Receive(kit.Patient(t), sel, make([]byte, 1))
			if err != nil || m.Type != typ {
				t.Errorf("%v: type %d, %v, want %d", sel, m.Type, err, typ)
			}
			kit.Must(t, q.Send(bg, typ, []byte("x")))
		}
		drain(t, q)
	}
}

func TestSendRefuses(t *testing.T) {
	limits, err := msg.Limits()
	kit.Must(t, err)
	long := limits.MsgMax + 1
	q := makeQueue(t, newKey(t), &msg.Config{MaxBytes: 200})
	send(t, q, "1 before")
	for _, tt := range []struct {
		name string
		typ  int
		data []byte
		err  error
		hint string
	}{
		{"type 0", 0, nil, syscall.EINVAL, "type 0: a message has a type of 1 or more"},
		{"type -1", -1, []byte("x"), syscall.EINVAL, "type -1"},
		{"the smallest type", math.MinInt, []byte("x"), syscall.EINVAL, "1 or more"},
		{"more than msgmax", 1, make([]byte, long), syscall.EINVAL, fmt.Sprintf("a message of %d bytes, %d at most (kernel.msgmax)", long, limits.MsgMax)},
		{"more than the queue's MaxBytes", 1, make([]byte, 201), syscall.EINVAL, "a message of 201 bytes, the queue holds 200 at most (its MaxBytes)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			kit.WantHint(t, q.Send(bg, tt.typ, tt.data), tt.err, tt.hint)
			ok, err := q.TrySend(tt.typ, tt.data)
			kit.WantHint(t, err, tt.err, tt.hint)
			if ok {
				t.Error("TrySend says that it sent")
			}
		})
	}
	wantLeft(t, q, "1 before")
}

func TestQueueIsFull(t *testing.T) {
	for _, tt := range []struct {
		name     string
		maxBytes int
		fill     []string
		more     string
	}{
		{"of bytes", 10, []string{"1 12345", "1 6789a"}, "1 b"},
		{"of bytes, one short", 10, []string{"1 12345", "1 6789"}, "1 ab"},
		{"of messages", 3, []string{"1 ", "1 ", "1 "}, "1 "},
		{"of messages, with a byte to spare", 3, []string{"1 a", "1 ", "1 b"}, "1 "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := makeQueue(t, newKey(t), &msg.Config{MaxBytes: tt.maxBytes})
			send(t, q, tt.fill...)
			data := []byte(tt.more[2:])
			if ok, err := q.TrySend(1, data); ok || err != nil {
				t.Errorf("TrySend: %v, %v", ok, err)
			}
			if err := q.Send(kit.Brief(t), 1, data); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send: %v", err)
			}
			wantLeft(t, q, tt.fill...)
			send(t, q, tt.more)
			wantLeft(t, q, tt.more)
		})
	}
}

// Where nothing may be in the queue, nothing can be waited for.
func TestQueueOfNoBytes(t *testing.T) {
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(0))
	kit.WantHint(t, q.Send(bg, 1, nil), syscall.EINVAL, "the queue holds 0")
	_, err := q.TrySend(1, nil)
	kit.WantHint(t, err, syscall.EINVAL, "the queue holds 0")
}

func TestEndedContextTriesNothing(t *testing.T) {
	q := newQueue(t)
	expired, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	send(t, q, "1 there")
	for _, ctx := range []context.Context{kit.Ended(t), expired} {
		if err := q.Send(ctx, 1, nil); !errors.Is(err, ctx.Err()) {
			t.Errorf("Send: %v, want %v", err, ctx.Err())
		}
		if _, err := q.Receive(ctx, msg.Any, make([]byte, 10)); !errors.Is(err, ctx.Err()) {
			t.Errorf("Receive: %v, want %v", err, ctx.Err())
		}
		if _, err := q.Next(ctx, msg.Any); !errors.Is(err, ctx.Err()) {
			t.Errorf("Next: %v, want %v", err, ctx.Err())
		}
	}
	wantLeft(t, q, "1 there")
}

// What is in a queue that a wait gave up on is for whoever reads the log.
func TestAWaitThatEndsSaysOnWhatItWaited(t *testing.T) {
	t.Parallel() // it waits
	fullOfBytes := makeQueue(t, sysv.Private, &msg.Config{MaxBytes: 10})
	send(t, fullOfBytes, "1 1234567", "2 8")
	fullOfMessages := makeQueue(t, sysv.Private, &msg.Config{MaxBytes: 2})
	send(t, fullOfMessages, "1 ", "1 ")
	empty := newQueue(t)
	sends := func(q *msg.Queue, data string) func(context.Context) error {
		return func(ctx context.Context) error { return q.Send(ctx, 1, []byte(data)) }
	}
	receives := func(q *msg.Queue, sel msg.Selector) func(context.Context) error {
		return func(ctx context.Context) error { _, err := q.Receive(ctx, sel, make([]byte, 9)); return err }
	}
	nexts := func(q *msg.Queue, sel msg.Selector) func(context.Context) error {
		return func(ctx context.Context) error { _, err := q.Next(ctx, sel); return err }
	}
	for _, tt := range []struct {
		name, op string
		call     func(context.Context) error
		q        *msg.Queue
		hint     string
	}{
		{"Send", "msgsnd", sends(fullOfBytes, "abc"), fullOfBytes,
			"waited for room for a message of 3 bytes: queue full with 8 of 10 bytes, 2 of 10 messages"},
		{"Send of nothing", "msgsnd", sends(fullOfMessages, ""), fullOfMessages,
			"waited for room for a message of 0 bytes: queue full with 0 of 2 bytes, 2 of 2 messages"},
		{"Receive", "msgrcv", receives(empty, msg.Any), empty, "waited for a message (any): none came, queue with 0 messages"},
		{"Receive of a type", "msgrcv", receives(fullOfBytes, msg.Type(3)), fullOfBytes,
			"waited for a message (type 3): none came, queue with 2 messages"},
		{"Next", "msgrcv", nexts(fullOfMessages, msg.Except(1)), fullOfMessages,
			"waited for a message (all types but 1): none came, queue with 2 messages"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call(kit.Brief(t))
			kit.WantHint(t, err, context.DeadlineExceeded, tt.hint)
			kit.WantError(t, err, context.DeadlineExceeded, fmt.Sprintf("%s queue %d: context deadline exceeded (", tt.op, tt.q.ID()))
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			kit.WantHint(t, tt.call(ctx), context.Canceled, tt.hint)
			kit.WantHint(t, tt.call(kit.Ended(t)), context.Canceled, "nothing was tried")
		})
	}
}

// sendsBriefly prints why a byte could not be sent within a moment.
var sendsBriefly = sysvtest.Helper("sends briefly", func(args []string) error {
	q, _, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(bg, 200*time.Millisecond)
	defer cancel()
	fmt.Println(q.Send(ctx, 1, []byte("b")))
	return nil
})

// A program that sends may lack read permission, and is told as much.
func TestAWaitThatEndsSaysHowFullAQueueIsWithoutReadPermission(t *testing.T) {
	q := makeQueue(t, sysv.Private, &msg.Config{Mode: 0o602, MaxBytes: 10})
	cmd := sysvtest.Command(sendsBriefly, strconv.Itoa(q.ID()))
	emulator.StatAny.Skip(t)
	kit.NeedRoot(t, "can be two users")
	send(t, q, "1 123456789a")
	p := sysvtest.StartCommand(t, kit.Ordinary(cmd))
	p.Expect(fmt.Sprintf("msgsnd queue %d: context deadline exceeded (waited for room for a message of 1 bytes: queue full with 10 of 10 bytes, 1 of 10 messages)", q.ID()))
	p.Finish()
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

func TestSendingAndReceivingAllocateNothing(t *testing.T) {
	q := newQueue(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, n := range []int{0, 64, 128, 129, 8192} {
		if n > 128 && raceDetector() {
			continue // pools then lose what is put there, at random
		}
		data, buf := make([]byte, n), make([]byte, n)
		for name, f := range map[string]func(){
			"Send and Receive": func() {
				q.Send(ctx, 1, data)
				q.Receive(ctx, msg.Type(1), buf)
			},
			"Send and Receive to truncate": func() {
				q.Send(ctx, 1, data)
				q.Receive(ctx, msg.Any.Truncate(), buf[:n/2])
			},
			"TrySend and TryReceive": func() {
				q.TrySend(1, data)
				q.TryReceive(msg.UpTo(3), buf)
			},
			"TryReceive that would wait": func() { q.TryReceive(msg.Any, buf) },
			"Peek at nothing":            func() { q.Peek(0, buf) },
		} {
			if allocs := testing.AllocsPerRun(100, f); allocs != 0 {
				t.Errorf("%s, %d bytes: %v allocations", name, n, allocs)
			}
		}
	}
	wantLeft(t, q)
}

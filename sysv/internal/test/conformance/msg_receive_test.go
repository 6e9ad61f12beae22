//go:build linux && !android

package conformance

import (
	"context"
	"fmt"
	"math"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// Which message is received, and how much of it: msgop(2).
var msgReceiveRows = []row{
	{"MSG-025", "a buffer may be longer than MSGMAX", func(t *testing.T) {
		q, most := newQueue(t), msgLimits(t).MsgMax
		putInQueue(t, q, "1 a", "2 b")
		got, err := receiveInto(forever, q, msg.Any, most+1)
		kit.Must(t, err)
		wantSame(t, "message", got, "1 a")
		got, err = receiveInto(forever, q, msg.Any, 10*most)
		kit.Must(t, err)
		wantSame(t, "message", got, "2 b")
	}},
	{"MSG-027", "a message longer than the buffer is E2BIG, and stays in its place", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 four", "1 two")
		for n := range 4 {
			_, err := receiveInto(forever, q, msg.Any, n)
			kit.WantError(t, err, syscall.E2BIG)
			_, _, err = q.TryReceive(msg.Type(1), make([]byte, n))
			kit.WantError(t, err, syscall.E2BIG)
		}
		got, err := receiveInto(forever, q, msg.Any, 4)
		kit.Must(t, err)
		wantSame(t, "message", got, "1 four")
		wantLeft(t, q, "1 two")
	}},
	{"MSG-032", "where no message is of the type there is ENOMSG, for which TryReceive says false, and Receive waits as long as it may", func(t *testing.T) {
		empty, q := newQueue(t), newQueue(t)
		putInQueue(t, q, "5 a")
		for _, sel := range []msg.Selector{msg.Type(4), msg.Type(6), msg.Type(math.MaxInt), msg.UpTo(4), msg.Except(5)} {
			wantNone(t, q, sel)
			wantNone(t, empty, sel)
		}
		wantNone(t, empty, msg.Any)
		wantLeft(t, q, "5 a")
	}},
	{"MSG-033", "a bound below all types is ENOMSG", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "2 a")
		wantNone(t, q, msg.UpTo(1))
		wantTaken(t, q, msg.UpTo(2), "2 a")
	}},
	{"MSG-042", "MSG_EXCEPT takes the first of another type, ENOMSG if there is none", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 a", "1 b", "2 c", "3 d")
		wantTaken(t, q, msg.Except(1), "2 c")
		wantTaken(t, q, msg.Except(2), "1 a")
		wantTaken(t, q, msg.Except(1), "3 d")
		wantNone(t, q, msg.Except(1))
		wantLeft(t, q, "1 b")
	}},
	{"MSG-043", "MSG_NOERROR cuts a message to the buffer: the rest is lost, and nothing written behind it", func(t *testing.T) {
		q := newQueue(t)
		for n := range 10 {
			putInQueue(t, q, "1 0123456789")
			buf := []byte("------------")
			m, err := q.Receive(forever, msg.Any.Truncate(), buf[:n])
			kit.Must(t, err)
			wantSame(t, "message", m, msg.Message{Type: 1, Data: []byte("0123456789")[:n], Truncated: true})
			wantSame(t, "buffer", string(buf), "0123456789"[:n]+"------------"[n:])
			wantLeft(t, q)
		}
		putInQueue(t, q, "1 0123456789")
		m, err := q.Receive(forever, msg.Any.Truncate(), make([]byte, 10))
		kit.Must(t, err)
		wantSame(t, "one that fits", m, msg.Message{Type: 1, Data: []byte("0123456789")})
	}},
	{"MSG-044", "the type 0 means the first message, of whatever type", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "2 a", "1 b", "2 c")
		for _, want := range []string{"2 a", "1 b", "2 c", ""} {
			wantTaken(t, q, msg.Any, want)
		}
	}},
	{"MSG-045", "a type means the first message of that type", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 a", "2 b", "3 c", "2 d", fmt.Sprintf("%d e", math.MaxInt))
		wantTaken(t, q, msg.Type(2), "2 b")
		wantTaken(t, q, msg.Type(math.MaxInt), fmt.Sprintf("%d e", math.MaxInt))
		wantTaken(t, q, msg.Type(3), "3 c")
		wantTaken(t, q, msg.Type(2), "2 d")
		wantTaken(t, q, msg.Type(2), "")
		wantLeft(t, q, "1 a")
	}},
	{"MSG-046", "a bound means the lowest type that is at most that, and of those the first", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "3 a", "1 b", "2 c", "1 d")
		for _, want := range []string{"1 b", "1 d", "2 c", ""} {
			wantTaken(t, q, msg.UpTo(2), want)
		}
		putInQueue(t, q, fmt.Sprintf("%d e", math.MaxInt))
		wantTaken(t, q, msg.UpTo(math.MaxInt), "3 a")
		wantTaken(t, q, msg.UpTo(math.MaxInt-1), "")
		wantTaken(t, q, msg.UpTo(math.MaxInt), fmt.Sprintf("%d e", math.MaxInt))
	}},
	{"MSG-065", "a queue is drained in order, whatever the types and lengths", func(t *testing.T) {
		q := newQueue(t)
		var want []string
		for i := range 40 {
			want = append(want, long(1+i%7, i*i%500))
		}
		putInQueue(t, q, want...)
		wantLeft(t, q, want...)
		stat := queueStat(t, q)
		wantSame(t, "messages and bytes", []int{stat.Messages, stat.Bytes}, []int{0, 0})
	}},
}

// wantNone checks that there is nothing to receive.
func wantNone(t *testing.T, q *msg.Queue, sel msg.Selector) {
	t.Helper()
	wantTaken(t, q, sel, "")
	if m, ok, err := q.TryReceive(sel, make([]byte, 10)); ok || err != nil {
		t.Errorf("%v: TryReceive got %q, %v", sel, inWords(m), err)
	}
	kit.WantDeadline(t, fmt.Sprint(sel), func(ctx context.Context) error {
		_, err := receiveInto(ctx, q, sel, 10)
		return err
	})
}

//go:build linux && !android

package conformance

import (
	"math"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// MSG_COPY: msgop(2).
var msgPeekRows = []row{
	{"MSG-037", "no message has a position behind the last (ENOMSG), and none a negative one: kernel's ENOMSG, here EINVAL", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 a", "2 b")
		for _, position := range []int{2, 3, math.MaxInt} {
			if m, ok, err := q.Peek(position, make([]byte, 10)); ok || err != nil {
				needPeek(t, err)
				t.Errorf("position %d: %q", position, inWords(m))
			}
		}
		for _, position := range []int{-1, -2, math.MinInt} {
			_, _, err := q.Peek(position, make([]byte, 10))
			kit.WantError(t, err, syscall.EINVAL)
		}
		wantLeft(t, q, "1 a", "2 b")
	}},
	{"MSG-038", "a copy of a message longer than the buffer is E2BIG; with MSG_NOERROR, which Peek does not give, EINVAL", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 four")
		for n := range 4 {
			_, ok, err := q.Peek(0, make([]byte, n))
			if ok {
				t.Errorf("copied into %d bytes", n)
			}
			skipWithoutPeek(t, err)
			kit.WantError(t, err, syscall.E2BIG)
		}
		wantLeft(t, q, "1 four")
	}},
	{"MSG-039", "messages are copied by their position, whatever their type, and stay", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "2 a", "1 b", "7 ")
		for range 2 {
			for position, want := range []string{"2 a", "1 b", "7 "} {
				m, ok, err := q.Peek(position, make([]byte, 10))
				needPeek(t, err)
				if !ok || inWords(m) != want {
					t.Errorf("position %d: %v, %q, want %q", position, ok, inWords(m), want)
				}
			}
		}
		stat := queueStat(t, q)
		wantSame(t, "messages and bytes", []int{stat.Messages, stat.Bytes}, []int{3, 2})
		wantTaken(t, q, msg.Any, "2 a")
		m, _, err := q.Peek(0, make([]byte, 10))
		kit.Must(t, err)
		wantSame(t, "position 0 after that", inWords(m), "1 b")
	}},
}

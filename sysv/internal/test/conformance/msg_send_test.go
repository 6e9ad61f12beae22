//go:build linux && !android

package conformance

import (
	"context"
	"math"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Sending: msgop(2).
var msgSendRows = []row{
	{"MSG-001", "a message comes out with the type and the bytes that it was sent with", func(t *testing.T) {
		q := newQueue(t)
		every := make([]byte, 1000)
		for i := range every {
			every[i] = byte(i)
		}
		for _, typ := range []int{1, 2, 1 << 20, math.MaxInt} {
			kit.Must(t, q.Send(forever, typ, every))
			m, err := q.Receive(forever, msg.Any, make([]byte, 2000))
			kit.Must(t, err)
			wantSame(t, "message", m, msg.Message{Type: typ, Data: every})
		}
		p := newQueuePeer(t, q)
		p.want(nil, "send", 7, "there")
		wantLeft(t, q, "7 there")
		putInQueue(t, q, "8 back")
		p.want("8 back", "receive", "any")
	}},
	{"MSG-013", "an id that is no queue's any more is refused: kernel's EINVAL, here ErrRemoved", func(t *testing.T) {
		q := newQueue(t)
		kit.Must(t, q.Remove())
		kit.WantError(t, q.Send(forever, 1, []byte("a")), sysv.ErrRemoved)
		_, err := q.TrySend(1, []byte("a"))
		kit.WantError(t, err, sysv.ErrRemoved)
		_, err = q.Receive(forever, msg.Any, nil)
		kit.WantError(t, err, sysv.ErrRemoved)
	}},
	{"MSG-014", "a type of 0 or less can't be sent: EINVAL", func(t *testing.T) {
		q := newQueue(t)
		for _, typ := range []int{0, -1, math.MinInt} {
			kit.WantError(t, q.Send(forever, typ, []byte("a")), syscall.EINVAL)
			_, err := q.TrySend(typ, nil)
			kit.WantError(t, err, syscall.EINVAL)
		}
		wantLeft(t, q)
	}},
	{"MSG-016", "a message of MSGMAX bytes can be sent, one of more is EINVAL", func(t *testing.T) {
		q, most := newQueue(t), msgLimits(t).MsgMax
		if msgLimits(t).MsgMNB < most {
			t.Skip("skipping: kernel.msgmnb is below kernel.msgmax: raise it")
		}
		kit.WantError(t, q.Send(forever, 1, make([]byte, most+1)), syscall.EINVAL)
		_, err := q.TrySend(1, make([]byte, most+1))
		kit.WantError(t, err, syscall.EINVAL)
		kit.Must(t, q.Send(forever, 1, make([]byte, most)))
		wantSame(t, "bytes", queueStat(t, q).Bytes, most)
	}},
	{"MSG-017", "in a full queue there is no room: EAGAIN, for which TrySend says false, and Send waits as long as it may", func(t *testing.T) {
		q := newQueue(t)
		kit.Must(t, q.SetMaxBytes(100))
		wantSent(t, q, true, make([]byte, 60))
		wantSent(t, q, false, make([]byte, 41))
		wantSent(t, q, true, make([]byte, 40))
		wantSent(t, q, false, make([]byte, 1))

		kit.WantDeadline(t, "Send", func(ctx context.Context) error { return q.Send(ctx, 1, make([]byte, 1)) })
		stat := queueStat(t, q)
		wantSame(t, "messages and bytes", []int{stat.Messages, stat.Bytes}, []int{2, 100})
	}},
	{"MSG-024", "a message may have no bytes, and is received as such", func(t *testing.T) {
		q := newQueue(t)
		kit.Must(t, q.Send(forever, 5, nil))
		kit.Must(t, q.Send(forever, 6, []byte{}))
		wantSame(t, "messages", queueStat(t, q).Messages, 2)
		for typ, buf := range map[int][]byte{5: nil, 6: make([]byte, 10)} {
			m, err := q.Receive(forever, msg.Type(typ), buf)
			kit.Must(t, err)
			wantSame(t, "message", m, msg.Message{Type: typ}, cmpopts.EquateEmpty())
		}
		wantLeft(t, q)
	}},
}

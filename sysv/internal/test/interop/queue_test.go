//go:build linux && !android

package interop_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"github.com/google/go-cmp/cmp"
)

// queueFor returns the queue with a key, which Go makes or the peer.
func queueFor(t *testing.T, p peer, key sysv.Key, byGo bool) *msg.Queue {
	t.Helper()
	if byGo {
		_, err := msg.Create(key, nil)
		kit.Must(t, err)
	} else {
		p.do("make-queue", key)
	}
	q, err := msg.Open(key, nil)
	kit.Must(t, err)
	return q
}

// inHex is how peers are told bytes, and tell them.
func inHex(data []byte) string {
	if len(data) == 0 {
		return "-"
	}
	return hex.EncodeToString(data)
}

// next waits for a message and returns it as peers tell it.
func next(t *testing.T, q *msg.Queue, sel msg.Selector) string {
	t.Helper()
	m, err := q.Next(kit.Patient(t), sel)
	kit.Must(t, err)
	return fmt.Sprint(m.Type, " ", inHex(m.Data))
}

func wantLine(t *testing.T, who, got, want string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s received (-want +got):\n%s", who, diff)
	}
}

// Whoever makes a queue, both find it by its key, and each receives the type and
// every byte of what the other sends.
func TestMessages(t *testing.T) {
	limits, err := msg.Limits()
	kit.Must(t, err)
	every := make([]byte, min(limits.MsgMax, 8192))
	for i := range every {
		every[i] = byte(i)
	}
	eachMaker(t, func(t *testing.T, l language, byGo bool) {
		p, key := l.start(t), newKey(t)
		q := queueFor(t, p, key, byGo)
		for _, m := range []msg.Message{
			{Type: 1, Data: []byte("hello")},
			{Type: 2},
			{Type: 7, Data: []byte{0}},
			{Type: math.MaxInt32, Data: every[:256]},
			{Type: math.MaxInt, Data: every},
		} {
			line := fmt.Sprint(m.Type, " ", inHex(m.Data))
			kit.Must(t, q.Send(kit.Patient(t), m.Type, m.Data))
			wantLine(t, l.name, p.do("receive", key, 0), line)
			if l.name == "Python" { // sysv_ipc sends C's int for a type, and receives a long
				m.Type = min(m.Type, math.MaxInt32)
			}
			p.do("send", key, m.Type, inHex(m.Data))
			wantLine(t, "Go", next(t, q, msg.Any), fmt.Sprint(m.Type, " ", inHex(m.Data)))
		}
		stat, err := q.Stat()
		kit.Must(t, err)
		if stat.Messages != 0 {
			t.Errorf("%d messages are left", stat.Messages)
		}
	})
}

// Each receives what the other sent by its type, or the lowest type first.
func TestMessagesByType(t *testing.T) {
	sent := []string{"3 aa", "1 bb", "2 cc", "1 dd", "5 ee"}
	eachMaker(t, func(t *testing.T, l language, byGo bool) {
		p, key := l.start(t), newKey(t)
		q := queueFor(t, p, key, byGo)
		for _, m := range sent {
			var typ int
			var data []byte
			_, err := fmt.Sscanf(m, "%d %x", &typ, &data)
			kit.Must(t, err)
			kit.Must(t, q.Send(kit.Patient(t), typ, data))
		}
		for _, tt := range []struct {
			typ  int
			want string
		}{{5, "5 ee"}, {-2, "1 bb"}, {-2, "1 dd"}, {-2, "2 cc"}, {0, "3 aa"}} {
			wantLine(t, l.name, p.do("receive", key, tt.typ), tt.want)
		}

		for _, m := range sent {
			typ, data, _ := strings.Cut(m, " ")
			p.do("send", key, typ, data)
		}
		for _, tt := range []struct {
			sel  msg.Selector
			want string
		}{{msg.Type(5), "5 ee"}, {msg.UpTo(2), "1 bb"}, {msg.Except(3), "2 cc"}, {msg.UpTo(9), "1 dd"}, {msg.Any, "3 aa"}} {
			wantLine(t, "Go", next(t, q, tt.sel), tt.want)
		}
	})
}

// Who waits for a type is woken by the other's message of that type.
func TestMessageThatIsWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		p, key := l.start(t), newKey(t)
		q := queueFor(t, p, key, true)
		p.begin("receive", key, 7)
		kit.Must(t, q.Send(kit.Patient(t), 6, []byte("other")))
		kit.Must(t, q.Send(kit.Patient(t), 7, []byte("this")))
		wantLine(t, l.name, p.end(), "7 "+inHex([]byte("this")))

		got := make(chan string, 1)
		go func() {
			m, err := q.Next(kit.Patient(t), msg.Except(6))
			got <- fmt.Sprint(m.Type, " ", inHex(m.Data), " ", err)
		}()
		p.do("send", key, 8, inHex([]byte("that")))
		wantLine(t, "Go", <-got, "8 "+inHex([]byte("that"))+" <nil>")
		wantLine(t, "Go", next(t, q, msg.Any), "6 "+inHex([]byte("other")))
	})
}

// By default sysvmsg sends what serialize makes of a variable, and takes nothing
// else: what it refuses is lost. The documentation of package msg says so.
func TestPHPSerializes(t *testing.T) {
	p, key := php.start(t), newKey(t)
	q := queueFor(t, p, key, true)
	p.do("send-variable", key, 1, "hello")
	const variable = `s:5:"hello";`
	wantLine(t, "Go", next(t, q, msg.Any), "1 "+inHex([]byte(variable)))
	kit.Must(t, q.Send(kit.Patient(t), 1, []byte(variable)))
	wantLine(t, "PHP", p.do("receive-variable", key, 0), "hello")
	kit.Must(t, q.Send(kit.Patient(t), 1, []byte("hello")))
	wantLine(t, "PHP", p.do("receive-variable", key, 0), "refused")
	_, ok, err := q.TryNext(msg.Any)
	kit.Must(t, err)
	if ok {
		t.Error("what PHP refused is still in the queue")
	}
}

// By default sysv_ipc takes messages of up to 2048 bytes. The documentation of
// package msg says so.
func TestPythonTakes2048Bytes(t *testing.T) {
	for _, l := range languages {
		if l.name != "Python" {
			continue
		}
		p, key := l.start(t), newKey(t)
		q := queueFor(t, p, key, true)
		data := make([]byte, 2049)
		kit.Must(t, q.Send(kit.Patient(t), 1, data[:2048]))
		wantLine(t, l.name, p.do("receive-by-default", key), "1 "+inHex(data[:2048]))
		kit.Must(t, q.Send(kit.Patient(t), 1, data))
		wantLine(t, l.name, p.do("receive-by-default", key), "refused")
		wantLine(t, "Go", next(t, q, msg.Any), "1 "+inHex(data)) // it is still there
	}
}

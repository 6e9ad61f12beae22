//go:build linux && !android

package msg_test

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// setLimit changes a limit of our IPC namespace for the test.
func setLimit(t *testing.T, name string, n int) {
	t.Helper()
	kit.NeedRoot(t, "may write /proc/sys/kernel")
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: the limits would be those of the whole machine: allow root to make an IPC namespace (CAP_SYS_ADMIN)")
	}
	path := "/proc/sys/kernel/" + name
	old, err := os.ReadFile(path)
	kit.Must(t, err)
	if err := os.WriteFile(path, []byte(strconv.Itoa(n)), 0); err != nil {
		t.Skipf("skipping: %v: mount /proc/sys writable", err)
	}
	t.Cleanup(func() { kit.Must(t, os.WriteFile(path, old, 0)) })
}

func TestTooManyQueues(t *testing.T) {
	newQueue(t)
	u, err := msg.Usage()
	kit.Must(t, err)
	setLimit(t, "msgmni", u.Queues)
	key := newKey(t)
	for _, cfg := range []*msg.Config{nil, {MaxBytes: 100}} {
		_, err = msg.Create(key, cfg)
		kit.WantHint(t, err, syscall.ENOSPC, fmt.Sprintf("%d of %d queues in use (kernel.msgmni)", u.Queues, u.Queues))
	}
	_, err = msg.Open(key, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}

func TestMessagesAreLimited(t *testing.T) {
	q := newQueue(t)
	send(t, q, "1 "+string(filled(300, 'x')))
	setLimit(t, "msgmax", 100)
	kit.WantHint(t, q.Send(bg, 1, make([]byte, 101)), syscall.EINVAL, "a message of 101 bytes, 100 at most (kernel.msgmax)")
	kit.Must(t, q.Send(bg, 2, filled(100, 'y')))
	// What is in the queue is received as before, but no longer shown.
	_, _, err := q.Peek(0, make([]byte, 300))
	kit.WantHint(t, err, syscall.EINVAL, "longer than 100 bytes (kernel.msgmax)")
	m, ok, err := q.Peek(1, make([]byte, 300))
	if err != nil || !ok || len(m.Data) != 100 {
		t.Errorf("Peek: %+v, %v, %v", m, ok, err)
	}
	wantLeft(t, q, "1 "+string(filled(300, 'x')), "2 "+string(filled(100, 'y')))
}

// With larger limits than usual buffers grow.
func TestLongMessages(t *testing.T) {
	const n = 1 << 20
	setLimit(t, "msgmax", n)
	setLimit(t, "msgmnb", 4*n)
	q := newQueue(t)
	long := strings.Repeat("0123456789abcdef", n/16)
	send(t, q, "1 "+long)
	_, _, err := q.TryReceive(msg.Any, make([]byte, n-1))
	kit.WantHint(t, err, syscall.E2BIG, fmt.Sprintf("longer than the %d bytes of the buffer", n-1))
	wantLeft(t, q, "1 "+long)

	// And one that waits, whose first buffer is too short.
	wait := kit.Async(t, func() (r result) { r.m, r.err = q.Next(bg, msg.Any); return r })
	awaitBlocked(t, 1)
	send(t, q, "2 "+long)
	if r := wait(); r.err != nil || r.m.Type != 2 || string(r.m.Data) != long {
		t.Errorf("Next: %d bytes, %v", len(r.m.Data), r.err)
	}
	m, err := q.TrySend(3, []byte(long))
	if !m || err != nil {
		t.Errorf("TrySend: %v, %v", m, err)
	}
	cut, err := q.Receive(bg, msg.Any.Truncate(), make([]byte, n/2))
	if err != nil || !cut.Truncated || string(cut.Data) != long[:n/2] {
		t.Errorf("Receive to truncate: %d bytes, %v", len(cut.Data), err)
	}
}

// receivings are the ways of receiving the one message that is sent meanwhile,
// with buffers that are as short as they are at first.
var receivings = map[string]func(t *testing.T, q *msg.Queue, sel msg.Selector, buf []byte, send func()) (msg.Message, error){
	"Receive": func(t *testing.T, q *msg.Queue, sel msg.Selector, buf []byte, send func()) (msg.Message, error) {
		send()
		freshBuffers()
		return q.Receive(bg, sel, buf)
	},
	"TryReceive": func(t *testing.T, q *msg.Queue, sel msg.Selector, buf []byte, send func()) (msg.Message, error) {
		send()
		freshBuffers()
		m, _, err := q.TryReceive(sel, buf)
		return m, err
	},
	"Receive that waits": func(t *testing.T, q *msg.Queue, sel msg.Selector, buf []byte, send func()) (msg.Message, error) {
		freshBuffers()
		wait := kit.Async(t, func() (r result) { r.m, r.err = q.Receive(bg, sel, buf); return r })
		awaitBlocked(t, 1)
		send()
		r := wait()
		return r.m, r.err
	},
}

// Whatever the length of a message, it is cut where it is to be, or stays where it
// is, and the buffers on the way grow with it.
func TestMessagesLongerThanBuffersAtFirst(t *testing.T) {
	const longest = 100_000
	setLimit(t, "msgmax", longest)
	setLimit(t, "msgmnb", 2*longest)
	q := newQueue(t)
	for _, tt := range []struct{ length, room int }{
		{8193, 8191}, {8193, 8192}, {8193, 8193}, {8193, longest},
		{16_384, 16_383}, {16_385, 16_384}, {16_385, 16_385}, {20_000, 8192}, {20_000, longest}, {longest, longest - 1}, {longest, longest},
	} {
		sent := "7 " + strings.Repeat("0123456789", longest/10)[:tt.length]
		cut := "7 " + sent[2:2+min(tt.length, tt.room)]
		if tt.length > tt.room {
			cut += "..."
		}
		for name, receive := range receivings {
			where := fmt.Sprintf("%s, %d bytes into %d", name, tt.length, tt.room)
			buf := filled(tt.room+1, 0xee)
			m, err := receive(t, q, msg.Any.Truncate(), buf[:tt.room], func() { send(t, q, sent) })
			kit.Must(t, err)
			if got := text(m); got != cut || buf[tt.room] != 0xee {
				t.Errorf("%s: got %d bytes, truncated %v", where, len(m.Data), m.Truncated)
			}
			wantLeft(t, q)

			m, err = receive(t, q, msg.Any, buf[:tt.room], func() { send(t, q, sent) })
			if tt.length > tt.room {
				kit.WantHint(t, err, syscall.E2BIG, fmt.Sprintf("longer than the %d bytes of the buffer", tt.room))
				wantLeft(t, q, sent)
				continue
			}
			kit.Must(t, err)
			if text(m) != sent {
				t.Errorf("%s: got %d bytes, truncated %v", where, len(m.Data), m.Truncated)
			}
			wantLeft(t, q)
		}
	}
}

// Next takes no notice of Truncate, also where its first buffer is too short.
func TestNextOfALongMessageNeverTruncates(t *testing.T) {
	const n = 100_000
	setLimit(t, "msgmax", n)
	setLimit(t, "msgmnb", n)
	q := newQueue(t)
	long := "1 " + strings.Repeat("0123456789", n/10)
	for name, next := range map[string]func() (msg.Message, error){
		"Next":    func() (msg.Message, error) { return q.Next(bg, msg.Any.Truncate()) },
		"TryNext": func() (msg.Message, error) { m, _, err := q.TryNext(msg.Any.Truncate()); return m, err },
	} {
		send(t, q, long)
		freshBuffers()
		m, err := next()
		kit.Must(t, err)
		if text(m) != long {
			t.Errorf("%s: got %d bytes of %d, truncated %v", name, len(m.Data), n, m.Truncated)
		}
	}
}

// freshBuffers empties the pool of buffers, which may have long ones by now. What
// is in a sync.Pool survives one collection and not a second.
func freshBuffers() {
	runtime.GC()
	runtime.GC()
}

// A message costs what it needs, however long the buffer is that a caller keeps for
// the longest there may be.
func TestMemoryForAMessage(t *testing.T) {
	const room = 16 << 20
	setLimit(t, "msgmax", 1<<20)
	setLimit(t, "msgmnb", 1<<20)
	q := newQueue(t)
	buf := make([]byte, room)
	for _, n := range []int{5, 10_000} {
		data := strings.Repeat("x", n)
		in := func() { send(t, q, "1 "+data) }
		for name, receive := range receivings {
			for _, sel := range []msg.Selector{msg.Any, msg.Any.Truncate()} {
				got := allocated(func() {
					m, err := receive(t, q, sel, buf, in)
					kit.Must(t, err)
					if len(m.Data) != n {
						t.Errorf("%s, %v: %d bytes of %d", name, sel, len(m.Data), n)
					}
				})
				if got > room/8 {
					t.Errorf("%s, %v: %d bytes allocated for a message of %d", name, sel, got, n)
				}
			}
		}
		in()
		freshBuffers()
		var err error
		if got := allocated(func() { _, _, err = q.Peek(0, buf) }); got > room/8 {
			t.Errorf("Peek: %d bytes allocated for a message of %d", got, n)
		}
		needPeek(t, err)
		drain(t, q)
	}
	if got := allocated(func() { q.TryReceive(msg.Any, buf) }); got > room/8 {
		t.Errorf("TryReceive: %d bytes allocated for no message", got)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A queue made while kernel.msgmnb was larger can't have its mode changed by
// whom that binds: IPC_SET would set its MaxBytes, too.
func TestModeOfAQueueAboveTheLimit(t *testing.T) {
	withoutResource(t)
	q := makeQueue(t, sysv.Private, nil)
	setLimit(t, "msgmnb", 100)
	was := statOf(t, q).MaxBytes
	kit.WantHint(t, q.SetMode(0o666), fs.ErrPermission, fmt.Sprintf("MaxBytes of %d is above 100 (kernel.msgmnb)", was))
	if got := statOf(t, q); got.Mode != 0o600 || got.MaxBytes != was {
		t.Errorf("refused, and yet mode %#o, MaxBytes %d", uint32(got.Mode), got.MaxBytes)
	}
	kit.Must(t, q.SetMaxBytes(100))
	kit.Must(t, q.SetMode(0o666))
	if q := newQueue(t); statOf(t, q).MaxBytes != 100 {
		t.Error("a new queue has another MaxBytes")
	}
}

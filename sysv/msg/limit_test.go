//go:build linux && !android

package msg_test

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/kit"
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

// A queue made while kernel.msgmnb was larger can't have its mode changed by
// whom that binds: IPC_SET would set its MaxBytes, too.
func TestModeOfAQueueAboveTheLimit(t *testing.T) {
	withoutResource(t)
	q := makeQueue(t, sysv.Private, nil)
	setLimit(t, "msgmnb", 100)
	was := statOf(t, q).MaxBytes
	kit.WantHint(t, q.SetMode(0o666), fs.ErrPermission, fmt.Sprintf("MaxBytes of %d is above 100 (kernel.msgmnb)", was))
	kit.Must(t, q.SetMaxBytes(100))
	kit.Must(t, q.SetMode(0o666))
	if q := newQueue(t); statOf(t, q).MaxBytes != 100 {
		t.Error("a new queue has another MaxBytes")
	}
}

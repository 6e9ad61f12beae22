//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
)

// Creation and lookup: msgget(2).
var msgCreateRows = []row{
	{"MSG-002", "lookup of a key finds its queue, whoever looks", func(t *testing.T) {
		q := newKeyedQueue(t)
		putInQueue(t, q, "1 a")
		same, err := msg.Open(q.Key(), nil)
		kit.Must(t, err)
		wantSame(t, "id", same.ID(), q.ID())
		same, created, err := msg.OpenOrCreate(q.Key(), nil)
		kit.Must(t, err)
		if created || same.ID() != q.ID() {
			t.Errorf("created %v, queue %d, want false, %d", created, same.ID(), q.ID())
		}
		startPeer(t, msgPeer, nil).want(q.ID(), "open", q.Key())
		wantLeft(t, same, "1 a")
	}},
	{"MSG-003", "exclusive creation with a key in use is EEXIST", func(t *testing.T) {
		q := newKeyedQueue(t)
		putInQueue(t, q, "1 a")
		_, err := msg.Create(q.Key(), nil)
		kit.WantError(t, err, fs.ErrExist)
		kit.WantError(t, err, syscall.EEXIST)
		wantLeft(t, q, "1 a")
	}},
	{"MSG-004", "lookup of a key that no queue has is ENOENT", func(t *testing.T) {
		_, err := msg.Open(newQueueKey(t), nil)
		kit.WantError(t, err, fs.ErrNotExist)
		kit.WantError(t, err, syscall.ENOENT)
	}},
	{"MSG-006", "one queue more than MSGMNI is ENOSPC", func(t *testing.T) {
		p := peerWithSysctl(t, msgPeer, "msgmni", "2")
		for range 2 {
			askPeer[int](p, "create", sysv.Private, 0o600)
		}
		p.want(syscall.ENOSPC, "create", sysv.Private, 0o600)
		p.want(nil, "remove")
		askPeer[int](p, "create", sysv.Private, 0o600)
	}},
	{"MSG-007", "the next queue gets the id in kernel.msg_next_id, once; proc(5)", func(t *testing.T) {
		const next = 98765
		p := peerWithSysctl(t, msgPeer, "msg_next_id", fmt.Sprint(next))
		p.want(next, "create", sysv.Private, 0o600)
		p.want("-1", "read-sysctl", "msg_next_id")
		p.want(nil, "remove")
		if id := askPeer[int](p, "create", sysv.Private, 0o600); id == next {
			t.Errorf("the queue after it has id %d too", id)
		}
	}},
	{"MSG-008", "an id in kernel.msg_next_id that is in use gives another, not an error", func(t *testing.T) {
		const next = 98765
		p := peerWithSysctl(t, msgPeer, "msg_next_id", fmt.Sprint(next))
		p.want(next, "create", sysv.Private, 0o600)
		p.setSysctl("msg_next_id", fmt.Sprint(next))
		second := askPeer[int](p, "create", sysv.Private, 0o600)
		if second == next {
			t.Errorf("a second queue has id %d", second)
		}
		p.want(next, "open-id", next)
		p.want(second, "open-id", second)
		p.want("-1", "read-sysctl", "msg_next_id")
	}},
	{"MSG-009", "every creation with IPC_PRIVATE makes another queue", func(t *testing.T) {
		a, b := newQueue(t), newQueue(t)
		if a.ID() == b.ID() {
			t.Errorf("both are queue %d", a.ID())
		}
		putInQueue(t, a, "1 a")
		wantLeft(t, b)
		wantLeft(t, a, "1 a")
	}},
}

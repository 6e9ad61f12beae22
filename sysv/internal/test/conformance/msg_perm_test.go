//go:build linux && !android

package conformance

import (
	"io/fs"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// Permissions: ipcperms of ipc/util.c, msgop(2), msgctl(2).
var msgPermRows = []row{
	{"MSG-005", "a stranger gets EACCES where he wants what the mode withholds: not at Open, which wants nothing, but at each use", func(t *testing.T) {
		q := newQueueOf(t, newQueueKey(t), 0o600)
		putInQueue(t, q, "1 a")
		p := strangerToQueue(t, q)
		p.want(q.ID(), "open", q.Key())
		refuseAll := func() {
			t.Helper()
			for _, use := range queueReads {
				p.want(syscall.EACCES, use.verb, use.args...)
			}
			for _, use := range queueWrites {
				p.want(syscall.EACCES, use.verb, use.args...)
			}
		}
		refuseAll()
		kit.Must(t, q.SetMode(0))
		refuseAll()
		wantLeft(t, q, "1 a")
	}},
	{"MSG-011", "to send without write permission is EACCES, whether or not there is room", func(t *testing.T) {
		p, q := ownerOfQueue(t, 0o422) // the owner's bits decide for him
		for _, use := range queueWrites {
			p.want(syscall.EACCES, use.verb, use.args...)
		}
		p.want(sysv.ErrWouldBlock, "try-receive", "any")
		p.want(nil, "set-max-bytes", 0)
		for _, use := range queueWrites {
			p.want(syscall.EACCES, use.verb, use.args...)
		}
		wantSame(t, "messages", queueStat(t, q).Messages, 0)
	}},
	{"MSG-028", "to receive without read permission is EACCES, whether or not there is a message", func(t *testing.T) {
		p, q := ownerOfQueue(t, 0o244)
		for _, text := range []string{"a", "b"} {
			for _, use := range queueReads {
				p.want(syscall.EACCES, use.verb, use.args...)
			}
			p.want(nil, "send", 1, text)
		}
		if usage := inQueueList(t, listQueues(t), q); usage.Messages != 2 {
			t.Errorf("%d messages, want 2", usage.Messages)
		}
	}},
	{"MSG-057", "the state of a queue is kept even from an owner without read permission: EACCES", func(t *testing.T) {
		p, _ := ownerOfQueue(t, 0o400)
		p.want(msgLimits(t).MsgMNB, "max-bytes")
		for _, mode := range []fs.FileMode{0o200, 0o244} {
			p, _ := ownerOfQueue(t, mode)
			p.want(syscall.EACCES, "stat")
		}
		p, _ = ownerOfQueue(t, 0o600)
		p.want(nil, "set-mode", 0)
		p.want(syscall.EACCES, "stat")
	}},
	{"MSG-060", "a stranger may neither change a queue nor remove it, whatever the mode: EPERM", func(t *testing.T) {
		q := newQueueOf(t, sysv.Private, 0o666)
		p := strangerToQueue(t, q)
		want := queueStat(t, q)
		p.want(syscall.EPERM, "remove")
		p.want(syscall.EPERM, "set-perm", kit.Nobody, kit.Nobody, 0o666)
		p.want(syscall.EPERM, "set-mode", 0o777)
		p.want(syscall.EPERM, "set-max-bytes", 1)
		wantSame(t, "Stat", queueStat(t, q), want)
		p.want(nil, "send", 1, "a")
		wantLeft(t, q, "1 a")
	}},
}

type queueUse struct {
	verb string
	args []any
}

// queueReads and queueWrites are calls that a mode can forbid.
var (
	queueReads = []queueUse{
		{"receive", []any{"any"}},
		{"try-receive", []any{"type:1"}},
		{"next", []any{"up-to:5"}},
		{"peek", []any{0}},
		{"stat", nil},
	}
	queueWrites = []queueUse{
		{"send", []any{1, "hello"}},
		{"send", []any{1}},
		{"try-send", []any{1, "hello"}},
	}
)
